// What is done about damage that neither the size nor the time of a kept file shows.
import { randomBytes } from "node:crypto";
import { mkdtemp, open as openHandle, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { PIECE_BYTES } from "../../src/files/pieces.js";
import { openRemote } from "../../src/files/remote-file.js";
import type { ByteSource } from "../../src/platform/source.js";
import { FaultServer, status } from "../support/fault-server.js";

const PATH = "/model.pth";
// Three pieces, the last of which is not whole.
const content = new Uint8Array(randomBytes(2 * PIECE_BYTES + 1000));

let server: FaultServer;
let folder: string;
let file: string;
let warnings: string[];
let source: ByteSource | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "damaged-"));
  file = join(folder, "model.pth");
  server = await FaultServer.start();
  server.files.set(PATH, { content, etag: '"1"' });
  warnings = [];
  await open();
  server.requests.length = 0;
  warnings = [];
});

afterEach(async () => {
  await source?.close();
  await server.close();
  await rm(folder, { recursive: true });
});

/** Opens the file, which is downloaded if it was not before. */
async function open(): Promise<ByteSource> {
  await source?.close();
  const onWarning = (message: string) => warnings.push(message);
  const options = { patience: { attempts: 1 }, onWarning, checkUpdates: false };
  source = await openRemote({ url: server.url(PATH), folder, filename: "model.pth" }, options);
  return source;
}

/** Changes bytes. The record is of the new time, as if the disk had changed them. */
async function damage(...offsets: readonly number[]): Promise<void> {
  const handle = await openHandle(file, "r+");
  for (const at of offsets) await handle.write(Uint8Array.of(content[at]! ^ 1), 0, 1, at);
  await handle.close();
  const record = JSON.parse(await readFile(`${file}.record.json`, "utf8")) as object;
  await writeFile(`${file}.record.json`, JSON.stringify({ ...record, modified: (await stat(file)).mtimeMs }));
}

const ranges = () => server.transfers(PATH).map(({ range }) => range);

describe("a damaged piece of a kept file", () => {
  it("is fetched again when it is read, and mended on the disk; other pieces are not fetched", async () => {
    await damage(PIECE_BYTES + 5);
    const opened = await open();
    expect(await opened.read(0, 100)).toEqual(content.slice(0, 100));
    expect([warnings, ranges()]).toEqual([[], []]);
    const around = [PIECE_BYTES - 10, 100] as const;
    expect(await opened.read(...around)).toEqual(content.slice(PIECE_BYTES - 10, PIECE_BYTES + 90));
    expect(ranges()).toEqual([`bytes=${PIECE_BYTES}-${2 * PIECE_BYTES - 1}`]);
    expect(warnings).toEqual([expect.stringContaining(`bytes ${PIECE_BYTES} to ${2 * PIECE_BYTES} are damaged`)]);
    expect(Buffer.compare(await readFile(file), content)).toBe(0);
    expect(Buffer.compare(await opened.read(0, content.length), content)).toBe(0);
    // The record knows the mended file: nothing is asked or read again.
    server.requests.length = 0;
    expect(Buffer.compare(await (await open()).read(0, content.length), content)).toBe(0);
    expect(server.requests).toEqual([]);
  });

  it("is fetched once for reads at the same time", async () => {
    await damage(3, 2 * PIECE_BYTES + 999);
    const opened = await open();
    const reads = [0, 50, 2 * PIECE_BYTES, 2 * PIECE_BYTES + 500].map((at) => opened.read(at, 500));
    expect(Buffer.concat(await Promise.all(reads))).toEqual(
      Buffer.concat([0, 50, 2 * PIECE_BYTES, 2 * PIECE_BYTES + 500].map((at) => content.subarray(at, at + 500))),
    );
    expect(ranges().sort()).toEqual([
      `bytes=0-${PIECE_BYTES - 1}`,
      `bytes=${2 * PIECE_BYTES}-${2 * PIECE_BYTES + 999}`,
    ]);
  });

  it("is an error if the server is away, and then the whole file is fetched when it is opened again", async () => {
    await damage(7);
    const opened = await open();
    server.choose = () => status(503);
    await expect(opened.read(0, 10)).rejects.toMatchObject({
      code: "file/damaged",
      message: expect.stringMatching(
        /is damaged, and could not be fetched again: .*503.*load the models again/,
      ) as string,
    });
    server.choose = () => undefined;
    server.requests.length = 0;
    expect(await (await open()).read(0, 10)).toEqual(content.slice(0, 10));
    expect(ranges()).toEqual(["bytes=0-"]);
    expect(warnings.at(-1)).toContain("was damaged or changed since its download");
  });

  it("is an error if the server has another version", async () => {
    await damage(7);
    const opened = await open();
    server.files.set(PATH, { content: content.slice().reverse(), etag: '"2"' });
    await expect(opened.read(0, 10)).rejects.toThrow("the server has another version now");
  });
});

it("bytes that a caller changes do not change later reads", async () => {
  const opened = await open();
  (await opened.read(0, 10)).fill(0);
  expect(await opened.read(0, 10)).toEqual(content.slice(0, 10));
});
