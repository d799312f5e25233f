// Files that are read while they are downloaded.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRemote } from "../../src/files/remote-file.js";
import type { RemoteFile, RemoteOptions } from "../../src/files/remote-options.js";
import type { DownloadProgress } from "../../src/files/running-download.js";
import { reserveSpace } from "../../src/files/space.js";
import type { FileError } from "../../src/platform/errors.js";
import type { ByteSource } from "../../src/platform/source.js";
import { dropAfter, FaultServer, holdAfter, stallAfter, wholeFile, type Answer } from "../support/fault-server.js";

const LENGTH = 300_001;
/** Has a directory at its end that is not waited for. */
const LARGE = 20 * 2 ** 20;
const content = Uint8Array.from({ length: LENGTH }, (_, i) => (i * 31) % 251);
const large = Uint8Array.from({ length: LARGE }, (_, i) => (i * 31 + (i >> 16)) % 251);
const sha256 = hash(content);
const PATH = "/model.pth";
const filename = "model.pth";

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

let server: FaultServer;
let folder: string;
let sources: ByteSource[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "arriving-"));
  server = await FaultServer.start();
  server.files.set(PATH, { content, etag: '"1"' });
  sources = [];
});

afterEach(async () => {
  for (const source of sources) await source.close();
  await server.close();
  await rm(folder, { recursive: true });
});

const patience = { attempts: 2, pause: 1, stall: 5000 };

async function open(file: Partial<RemoteFile> = {}, options: RemoteOptions = {}): Promise<ByteSource> {
  const remote = { url: server.url(PATH), folder, filename, ...file };
  const source = await openRemote(remote, { patience, early: true, onWarning: () => undefined, ...options });
  sources.push(source);
  return source;
}

/** Answers the next request for the file by sending some bytes of it; `release` sends the rest. */
function holdNext(bytes: number, around: (answer: Answer) => Answer = (answer) => answer): () => void {
  let release = (): void => undefined;
  const rest = new Promise<void>((resolve) => {
    release = resolve;
  });
  server.spoil(around(holdAfter(bytes, rest)));
  return release;
}

const ranges = () => server.transfers(PATH).map(({ range }) => range);

async function expectContent(source: ByteSource, expected = content): Promise<void> {
  expect(source.size).toBe(expected.length);
  expect(Buffer.compare(await source.read(0, source.size), expected)).toBe(0);
}

/** Reads a range, and fails unless it has the right bytes. */
async function expectRange(source: ByteSource, start: number, end: number, from = content): Promise<void> {
  expect(Buffer.compare(await source.read(start, end - start), from.subarray(start, end))).toBe(0);
}

/** "pending" for a promise that is not settled after other work. */
async function stateOf(promise: Promise<unknown>): Promise<unknown> {
  const later = new Promise((resolve) => setTimeout(resolve, 50, "pending"));
  return Promise.race([promise.then(() => "resolved"), later]);
}

const failureOf = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error: unknown) => error as FileError,
  );

describe("a file that is being downloaded", () => {
  it("is read before its last byte is sent, and is kept once that has come", async () => {
    const release = holdNext(LENGTH - 1);
    const source = await open();
    expect(source.name).toBe(join(folder, filename));
    expect(await source.read(1000, 5000)).toEqual(content.slice(1000, 6000));
    expect(await source.read(LENGTH - 5001, 5000)).toEqual(content.slice(LENGTH - 5001, LENGTH - 1));
    const [last, complete] = [source.read(LENGTH - 10, 10), source.complete!()];
    expect(await Promise.all([stateOf(last), stateOf(complete)])).toEqual(["pending", "pending"]);
    expect(existsSync(join(folder, filename))).toBe(false);
    release();
    expect(await last).toEqual(content.slice(-10));
    await complete;
    expect((await readdir(folder)).sort()).toEqual([filename, `${filename}.record.json`]);
    await expectContent(source);
    expect(ranges()).toEqual(["bytes=0-"]);
    await expectContent(await open());
    expect(ranges()).toHaveLength(1);
  });

  it("comes in one stream from a server without ranges", async () => {
    const release = holdNext(200_000, wholeFile);
    const [good, { choose }] = [wholeFile(), server];
    server.choose = (headers, path) => choose(headers, path) ?? good;
    const source = await open();
    await expectRange(source, 0, 200_000);
    const rest = source.read(250_000, 100);
    expect(await stateOf(rest)).toBe("pending");
    release();
    expect(await rest).toEqual(content.slice(250_000, 250_100));
    await source.complete!();
    await expectContent(source);
    // What it is, and all of it.
    expect(server.requests).toHaveLength(2);
  });

  it("is opened when it is complete if its server names no version: after a break it may be another file", async () => {
    server.files.set(PATH, { content });
    const release = holdNext(200_000);
    const opening = open();
    expect(await stateOf(opening)).toBe("pending");
    release();
    await expectContent(await opening);
  });

  it("is read far behind what has arrived by requests of their own, few of them", async () => {
    server.files.set(PATH, { content: large, etag: '"1"' });
    const release = holdNext(500_000);
    const source = await open();
    await source.read(0, 10);
    // As a zip archive is opened.
    for (const [offset, length] of [
      [LARGE - 65_577, 65_577],
      [LARGE - 98, 56],
      [LARGE - 300_000, 299_000],
    ] as const)
      await expectRange(source, offset, offset + length, large);
    expect(ranges()).toEqual(["bytes=0-", `bytes=${LARGE - 2 ** 20 * 2}-${LARGE - 1}`]);
    // Near what arrives, and too much to be kept in memory.
    const waiting = [
      expectRange(source, 600_000, 601_000, large),
      expectRange(source, LARGE - 18e6, LARGE - 1e6, large),
    ];
    expect(await stateOf(waiting[0]!)).toBe("pending");
    release();
    await Promise.all(waiting);
    await source.complete!();
    expect(existsSync(join(folder, filename))).toBe(true);
  });

  it("is complete without what was requested far behind and has not come", async () => {
    server.files.set(PATH, { content: large, etag: '"1"' });
    const release = holdNext(500_000);
    const source = await open();
    await source.read(0, 10);
    server.spoil(stallAfter(1000));
    const end = expectRange(source, LARGE - 10, LARGE, large);
    while (ranges().length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    release();
    await source.complete!();
    await end;
    expect(ranges()).toHaveLength(2);
  });

  it("is wrong if what was read far behind is not what arrives there", async () => {
    server.files.set(PATH, { content: large, etag: '"1"' });
    const release = holdNext(500_000);
    const source = await open();
    await source.read(0, 10);
    server.spoil(({ response, request, file }) => {
      const [, start, end] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!.map(Number) as [
        number,
        number,
        number,
      ];
      response.writeHead(206, { "content-range": `bytes ${start}-${end}/${LARGE}`, etag: file.etag });
      response.end(new Uint8Array(end + 1 - start));
    });
    expect(await source.read(LARGE - 10, 10)).toEqual(new Uint8Array(10));
    release();
    expect(await failureOf(source.complete!())).toMatchObject({ code: "file/changed" });
    expect(await failureOf(source.read(0, 10))).toMatchObject({ code: "file/changed" });
    await expectContent(await open(), large);
  });

  it("with a wrong checksum is refused at its end, and nothing is kept", async () => {
    const wrong = "0".repeat(64);
    const source = await open({ sha256: wrong });
    expect(await source.read(0, 1000)).toEqual(content.slice(0, 1000));
    const { code, message } = (await failureOf(source.complete!()))!;
    expect([code, message]).toEqual([
      "file/checksum",
      expect.stringContaining(`its SHA-256 is ${sha256}, not ${wrong}`),
    ]);
    expect(await failureOf(source.read(0, 1000))).toMatchObject({ code: "file/checksum" });
    expect(await readdir(folder)).toEqual([]);
  });

  it("pauses if the call that waits for it is aborted, and goes on with the next", async () => {
    const release = holdNext(200_000);
    const progress: DownloadProgress[] = [];
    const source = await open({}, { onProgress: (one) => progress.push(one) });
    await source.read(0, 200_000);
    const stop = new AbortController();
    const complete = source.complete!(stop.signal);
    stop.abort(new Error("enough"));
    await expect(complete).rejects.toThrow("enough");
    await expect(source.read(0, 10, stop.signal)).rejects.toThrow("enough");
    expect(await source.read(100, 100)).toEqual(content.slice(100, 200));
    release();
    await source.complete!();
    await expectContent(source);
    expect(ranges()).toEqual(["bytes=0-", "bytes=200000-"]);
    expect(progress.at(-1)).toEqual({ file: server.url(PATH), loadedBytes: LENGTH, totalBytes: LENGTH });
  });

  it("goes on after its source was closed and opened again", async () => {
    const release = holdNext(200_000);
    const source = await open({ sha256 });
    await source.read(0, 200_000);
    await source.close();
    release();
    expect((await readdir(folder)).filter((name) => name.endsWith(".part"))).toHaveLength(1);
    const again = await open({ sha256 });
    expect(await again.read(0, 1000)).toEqual(content.slice(0, 1000));
    await again.complete!();
    await expectContent(again);
    expect(ranges()).toEqual(["bytes=0-", "bytes=200000-"]);
  });

  it("is not requested again for calls that still wait when its source is closed", async () => {
    holdNext(200_000);
    const source = await open();
    await source.read(0, 200_000);
    const waiting = [source.read(LENGTH - 10, 10), source.complete!()].map(failureOf);
    await source.close();
    expect(await Promise.all(waiting)).toMatchObject([{ name: "AbortError" }, { name: "AbortError" }]);
    expect(ranges()).toEqual(["bytes=0-"]);
  });

  it("is read on after the connection broke", async () => {
    server.spoil(dropAfter(100_000), dropAfter(100_000), dropAfter(50_000));
    const source = await open({}, { patience: { ...patience, attempts: 5 } });
    await source.complete!();
    await expectContent(source);
    expect(ranges()).toHaveLength(4);
  });

  it("fails if the server fails for long, and goes on with the next call", async () => {
    server.spoil(dropAfter(100_000), dropAfter(0), dropAfter(0));
    const source = await open();
    expect(await failureOf(source.complete!())).toMatchObject({ code: "file/transient" });
    expect(await source.read(0, 1000)).toEqual(content.slice(0, 1000));
    await source.complete!().catch(() => undefined);
    await source.complete!();
    await expectContent(source);
  });

  it("is refused if the server gets another version, which the next one to open it gets", async () => {
    const newer = content.slice().reverse();
    server.spoil((exchange) => {
      server.files.set(PATH, { content: newer, etag: '"2"' });
      return dropAfter(150_000)(exchange);
    });
    const source = await open();
    expect(await failureOf(source.complete!())).toMatchObject({ code: "file/changed" });
    await expectContent(await open(), newer);
  });

  it("is refused if the part of an earlier run is wrong, which the next one to open it does not find", async () => {
    server.spoil(dropAfter(200_000), dropAfter(0));
    const first = await open({ sha256 });
    await failureOf(first.complete!());
    await first.close();
    const part = (await readdir(folder)).find((name) => name.endsWith(".part"))!;
    await writeFile(join(folder, part), "not these bytes");
    const source = await open({ sha256 });
    expect(Buffer.from(await source.read(0, 15)).toString()).toBe("not these bytes");
    expect(await failureOf(source.complete!())).toMatchObject({
      code: "file/changed",
      message: expect.stringMatching(
        /earlier run had downloaded was damaged, and was removed; load the models again/,
      ) as string,
    });
    await expectContent(await open({ sha256 }));
  });

  it("is downloaded once for all who open it, as long as one of them reads", async () => {
    const release = holdNext(100_000);
    const progress: number[][] = [[], []];
    const [one, other] = await Promise.all(
      progress.map((seen) => open({}, { onProgress: ({ loadedBytes }) => seen.push(loadedBytes) })),
    );
    const complete = open({}, { early: false });
    expect(await one!.read(0, 10)).toEqual(await other!.read(0, 10));
    await one!.close();
    expect(await stateOf(complete)).toBe("pending");
    release();
    await other!.complete!();
    await expectContent(other!);
    await expectContent(await complete);
    expect(ranges()).toEqual(["bytes=0-"]);
    expect(progress[1]!.at(-1)).toBe(LENGTH);
  });

  it("is removed when it is closed if downloads are not kept", async () => {
    const release = holdNext(100_000);
    const source = await open({ folder: undefined }, { keep: false, cacheFolder: folder });
    expect(await source.read(0, 100)).toEqual(content.slice(0, 100));
    release();
    await source.complete!();
    await expectContent(source);
    expect(await readdir(folder)).toHaveLength(1);
    await source.close();
    expect(await readdir(folder)).toEqual([]);
  });

  it("is opened by nobody if that is aborted", async () => {
    const stop = new AbortController();
    server.choose = () => () => {
      stop.abort(new Error("enough"));
    };
    await expect(open({}, { signal: stop.signal })).rejects.toThrow("enough");
    expect(await readdir(folder)).toEqual([]);
  });
});

it("room is counted for the rest of downloads that are going on", async () => {
  const { bavail, bsize } = await statfs(folder);
  // Each fits, but not both.
  const size = Math.floor(0.6 * bavail * bsize);
  const room = await reserveSpace("one", folder, 0, size);
  const reserveOther = () => reserveSpace("other", folder, 0, size);
  expect(await failureOf(reserveOther())).toMatchObject({ code: "file/quota", neededBytes: size });
  room.advance(size);
  (await reserveOther()).release();
  room.advance(0);
  room.release();
  (await reserveOther()).release();
});

it("a file that comes to its place by another process is read there", async () => {
  const release = holdNext(100_000);
  const source = await open();
  await source.read(0, 100_000);
  // As another process does it.
  const elsewhere = `${folder}-other`;
  await (await openRemote({ url: server.url(PATH), folder: elsewhere, filename }, { patience })).close();
  const part = (await readdir(folder)).find((name) => name.endsWith(".part"))!;
  await rm(join(folder, part));
  for (const name of await readdir(elsewhere))
    await writeFile(join(folder, name), await readFile(join(elsewhere, name)));
  await rm(elsewhere, { recursive: true });
  release();
  await source.complete!();
  await expectContent(source);
});
