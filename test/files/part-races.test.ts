// What another process may do to the part of a download at the worst moment.
import { createHash } from "node:crypto";
import { renameSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ifExists } from "../../src/files/hash.js";
import { KeptFile, readOrigin, readRecord, type FileRecord } from "../../src/files/kept-file.js";
import { openRemote } from "../../src/files/remote-file.js";
import { readText } from "../../src/platform/node.js";
import { answerWell, dropAfter, FaultServer } from "../support/fault-server.js";

const LENGTH = 300_001;
const PATH = "/model.pth";
const filename = "model.pth";
const content = Uint8Array.from({ length: LENGTH }, (_, i) => (i * 31) % 251);
const sha256 = createHash("sha256").update(content).digest("hex");

let server: FaultServer;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "races-"));
  server = await FaultServer.start();
  server.files.set(PATH, { content, etag: '"1"' });
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

async function open(file: { readonly sha256?: string } = {}): Promise<Uint8Array> {
  const options = { patience: { attempts: 1, pause: 1, stall: 1000 }, onWarning: () => undefined };
  const source = await openRemote({ url: server.url(PATH), folder, filename, ...file }, options);
  const bytes = await source.read(0, source.size);
  await source.close();
  return bytes;
}

async function partPath(): Promise<string> {
  return join(
    folder,
    (await readdir(folder)).find((name) => name.endsWith(".part"))!,
  );
}

describe.each([
  ["with a checksum", { sha256 }],
  ["with an ETag alone", {}],
])("a part %s that another process moves while its rest is requested", (_, file) => {
  it.each([200_000, LENGTH])("is fetched again, and has no hole at its beginning: from byte %i", async (length) => {
    server.spoil(dropAfter(200_000));
    await expect(open(file)).rejects.toThrow(/connection/);
    const part = await partPath();
    await writeFile(part, content.subarray(0, length));
    const move = (): void => {
      renameSync(part, join(folder, "elsewhere"));
      server.choose = () => undefined;
    };
    server.choose = ({ range }) => {
      // A complete part is not requested; its process only asks for the state of the file before.
      if (range === "bytes=0-0" && length < LENGTH) return undefined;
      return (exchange) => {
        move();
        return answerWell(exchange);
      };
    };
    expect(Buffer.compare(await open(file), content)).toBe(0);
    expect(Buffer.compare(await readFile(join(folder, filename)), content)).toBe(0);
    expect((await readdir(folder)).sort()).toEqual(["elsewhere", filename, `${filename}.record.json`]);
  });
});

it("a file that another process makes just after it was found missing is missing, and no error", async () => {
  const path = join(folder, "record.json");
  const read = async (): Promise<string> => {
    const missing = await readText(path, 100).catch((error: unknown) => error as Error);
    await writeFile(path, "{}");
    return typeof missing === "string" ? missing : Promise.reject(missing);
  };
  expect(await ifExists(path, read)).toBeUndefined();
  expect(await ifExists(path, read)).toBe("{}");
});

it("a part that another process moved and began again does not replace the complete file", async () => {
  const kept = new KeptFile(folder, filename);
  await writeFile(kept.path, content);
  const begun = content.subarray(0, 1000);
  await writeFile(kept.partPath("part"), begun);
  await kept.begin("part", { url: server.url(PATH), size: LENGTH });
  const record: FileRecord = { url: server.url(PATH), size: LENGTH, modified: 0, sha256 };
  await kept.install("part", record, undefined);
  expect(Buffer.compare(await readFile(kept.path), content)).toBe(0);
  expect(Buffer.compare(await readFile(kept.partPath("part")), begun)).toBe(0);
  // Which download it is, for lists of the cache.
  expect(await readOrigin(kept.partPath("part"))).toEqual({ url: server.url(PATH), size: LENGTH });
  expect(await readRecord(kept.path)).toBeUndefined();
});

it("a part whose origin was recorded only after another process had installed it leaves nothing behind", async () => {
  const kept = new KeptFile(folder, filename);
  await writeFile(kept.path, content);
  await kept.begin("part", { url: server.url(PATH), size: LENGTH });
  await kept.install("part", { url: server.url(PATH), size: LENGTH, modified: 0, sha256 }, undefined);
  expect(await readdir(folder)).toEqual([filename]);
});
