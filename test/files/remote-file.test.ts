import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRemote } from "../../src/files/remote-file.js";
import type { RemoteFile, RemoteOptions } from "../../src/files/remote-options.js";
import type { DownloadProgress } from "../../src/files/running-download.js";
import { QuotaError } from "../../src/files/space.js";
import { FileError } from "../../src/platform/errors.js";
import {
  dropAfter,
  drip,
  FaultServer,
  stallAfter,
  status,
  wholeFile,
  withLength,
  withoutLength,
  type Answer,
} from "../support/fault-server.js";

const LENGTH = 300_001;
const content = Uint8Array.from({ length: LENGTH }, (_, i) => (i * 31) % 251);
const newer = Uint8Array.from({ length: LENGTH }, (_, i) => (i * 17) % 241);
const sha256 = hash(content);
const PATH = "/models/latest.pth";

function hash(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

let server: FaultServer;
let folder: string;
let warnings: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "remote-"));
  server = await FaultServer.start();
  warnings = [];
  server.files.set(PATH, { content, etag: '"1"' });
});

afterEach(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const filename = "prior.pth";
// Two attempts with a short pause: enough to see whether a request is repeated.
// A busy machine may be silent for longer than a test of a stall should take.
const patience = { attempts: 2, pause: 1, stall: 5000 };

async function open(file: Partial<RemoteFile> = {}, options: RemoteOptions = {}): Promise<Uint8Array> {
  const onWarning = (message: string) => warnings.push(message);
  const remote = { url: server.url(PATH), folder, filename, ...file };
  const source = await openRemote(remote, { patience, onWarning, ...options });
  const bytes = await source.read(0, source.size);
  await source.close();
  return bytes;
}

async function partLengths(): Promise<number[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".part"));
  return Promise.all(names.map(async (name) => (await readFile(join(folder, name))).length));
}

function same(found: Uint8Array, expected: Uint8Array): boolean {
  return Buffer.compare(found, expected) === 0;
}

describe("a download", () => {
  it("is kept with its record, and nothing else", async () => {
    const progress: DownloadProgress[] = [];
    expect(same(await open({}, { onProgress: (one) => progress.push(one) }), content)).toBe(true);
    expect((await readdir(folder)).sort()).toEqual([filename, `${filename}.record.json`]);
    expect(progress[0]).toEqual({ file: server.url(PATH), loadedBytes: 0, totalBytes: LENGTH });
    expect(progress.at(-1)).toEqual({ file: server.url(PATH), loadedBytes: LENGTH, totalBytes: LENGTH });
  });

  it("is refused before its first byte if there is no room, and says how much is missing", async () => {
    const bytes = 2 ** 50;
    server.choose = () => status(206, { "Content-Range": `bytes 0-0/${bytes}` });
    const error = await open({ maxBytes: 2 ** 51 }).catch((reason: unknown) => reason as QuotaError);
    expect(error).toBeInstanceOf(QuotaError);
    const { code, neededBytes, freeBytes, message } = error as QuotaError;
    expect([code, neededBytes]).toEqual(["file/quota", bytes]);
    expect(freeBytes).toBeGreaterThan(0);
    expect(message).toMatch(/needs 1125\.90 TB, but there is room for .*; free some space/);
    expect(server.transfers(PATH)).toEqual([]);
    expect(await readdir(folder)).toEqual([]);
  });

  it("of an empty file is empty", async () => {
    server.files.set(PATH, { content: new Uint8Array(0), etag: '"0"' });
    expect(await open()).toHaveLength(0);
  });

  it("resumes after a break at any byte, in one run", async () => {
    const breaks = [0, 1, 65_535, 65_536, 100_000 + Math.floor(100_000 * Math.random()), LENGTH - 1];
    for (const at of breaks) {
      await rm(join(folder, filename), { force: true });
      server.requests.length = 0;
      server.spoil(dropAfter(at));
      expect(same(await open(), content), `after ${at} bytes`).toBe(true);
      const [, second] = server.transfers(PATH);
      const start = Number(/^bytes=(\d+)-$/.exec(second!.range!)![1]);
      expect(start).toBeLessThanOrEqual(at);
      expect(second!["if-range"]).toBe(start > 0 ? '"1"' : undefined);
    }
  });

  it("resumes after a break in the next run, with a checksum and without", async () => {
    for (const file of [{}, { sha256 }]) {
      await rm(join(folder, filename), { force: true });
      server.spoil(dropAfter(200_000), dropAfter(0));
      await expect(open(file)).rejects.toThrow(/connection broke|connection ended/);
      expect(existsSync(join(folder, filename))).toBe(false);
      const [kept] = await partLengths();
      expect(kept).toBeGreaterThan(0);
      server.requests.length = 0;
      expect(same(await open(file), content)).toBe(true);
      expect(server.transfers(PATH).map(({ range }) => range)).toEqual([`bytes=${kept}-`]);
      expect(await partLengths()).toEqual([]);
    }
  });

  it("starts again if the part of an earlier run is wrong", async () => {
    server.spoil(dropAfter(200_000), dropAfter(0));
    await expect(open({ sha256 })).rejects.toThrow(FileError);
    const part = (await readdir(folder)).find((name) => name.endsWith(".part"))!;
    await writeFile(join(folder, part), "not these bytes");
    expect(same(await open({ sha256 }), content)).toBe(true);
    expect(
      server
        .transfers(PATH)
        .map(({ range }) => range)
        .slice(-2),
    ).toEqual(["bytes=15-", "bytes=0-"]);
  });

  it("starts again, and is never mixed, if the server names no version", async () => {
    server.files.set(PATH, { content });
    server.spoil(dropAfter(200_000), dropAfter(200_000));
    await expect(open()).rejects.toThrow(FileError);
    expect(await readdir(folder)).not.toContain(filename);
    // A part that cannot be resumed is removed.
    expect(await partLengths()).toEqual([]);
    server.files.set(PATH, { content: newer });
    expect(same(await open(), newer)).toBe(true);
    expect(server.transfers(PATH).map(({ range }) => range)).toEqual(["bytes=0-", "bytes=0-", "bytes=0-"]);
  });

  it("resumes by Last-Modified without an ETag, unless it is a second old", async () => {
    const lastModified = new Date(Date.now() - 60_000).toUTCString();
    server.files.set(PATH, { content, lastModified });
    server.spoil(dropAfter(100_000));
    expect(same(await open(), content)).toBe(true);
    expect(server.transfers(PATH).at(-1)!["if-range"]).toBe(lastModified);
    await rm(folder, { recursive: true });
    server.files.set(PATH, { content, lastModified: new Date().toUTCString() });
    server.requests.length = 0;
    server.spoil(dropAfter(100_000));
    expect(same(await open(), content)).toBe(true);
    expect(server.transfers(PATH).at(-1)!.range).toBe("bytes=0-");
  });

  it("takes the new file if it changes during the download", async () => {
    for (const change of [
      { content: newer, etag: '"2"' },
      { content: newer.subarray(0, 1000), etag: '"3"' },
    ]) {
      await rm(folder, { recursive: true, force: true });
      server.files.set(PATH, { content, etag: '"1"' });
      server.spoil((exchange) => {
        server.files.set(PATH, change);
        return dropAfter(150_000)(exchange);
      });
      expect(same(await open(), change.content), change.etag).toBe(true);
      expect(await partLengths()).toEqual([]);
    }
  });

  it("takes the new file and its checksum if both change during the download", async () => {
    const checksumUrl = server.url("/sums");
    server.files.set("/sums", { content: Buffer.from(`${sha256}  latest.pth\n`) });
    server.choose = (headers, path) => {
      if (path !== PATH || headers.range !== "bytes=0-") return undefined;
      server.choose = () => undefined;
      server.files.set(PATH, { content: newer, etag: '"2"' });
      server.files.set("/sums", { content: Buffer.from(`${hash(newer)}  latest.pth\n`) });
      return ({ response, request }) => {
        const old = { content, etag: '"1"' };
        return dropAfter(150_000)({ request, response, file: old });
      };
    };
    expect(same(await open({ checksumUrl }), newer)).toBe(true);
  });

  it("works if the server does not support ranges, also after a break", async () => {
    server.choose = () => wholeFile();
    expect(same(await open(), content)).toBe(true);
    await rm(folder, { recursive: true });
    const answers = [wholeFile(), wholeFile(dropAfter(150_000)), wholeFile()];
    server.choose = () => answers.shift();
    expect(same(await open(), content)).toBe(true);
  });

  it("works if the server does not state the length of the file", async () => {
    server.choose = () => withoutLength();
    expect(same(await open(), content)).toBe(true);
  });

  it("is slow rather than stalled while bytes come", async () => {
    // 31 pieces, 50 ms apart: three times as long as the stall limit.
    server.spoil(drip(10_000, 50));
    expect(same(await open({}, { patience: { ...patience, stall: 500 } }), content)).toBe(true);
    expect(server.transfers(PATH)).toHaveLength(1);
  });

  it.each([500, 502, 503, 429, 408])("is tried again after status %i", async (code) => {
    server.spoil(status(code));
    expect(same(await open(), content)).toBe(true);
    expect(server.transfers(PATH)).toHaveLength(2);
    expect(warnings).toEqual([expect.stringMatching(`latest.pth: .*HTTP status ${code}.; trying again in 1 s$`)]);
  });

  it("waits as long as the server asks", async () => {
    server.spoil(status(503, { "Retry-After": "0.2" }));
    const start = performance.now();
    await open();
    expect(performance.now() - start).toBeGreaterThan(190);
  });

  it("stops immediately if it is aborted, and keeps what it has", async () => {
    const stop = new AbortController();
    server.spoil(drip(10_000, 60));
    const onProgress = ({ loadedBytes }: DownloadProgress) => {
      if (loadedBytes > 0) stop.abort(new Error("enough"));
    };
    await expect(open({}, { signal: stop.signal, onProgress })).rejects.toThrow("enough");
    const [kept] = await partLengths();
    expect(kept).toBeGreaterThan(0);
    expect(kept).toBeLessThan(LENGTH);
  });
});

describe("a download that cannot succeed", () => {
  const failures: readonly (readonly [string, Answer, RegExp, attempts: number])[] = [
    ["a missing file", status(404), /no such file \(HTTP status 404\); check the URL/, 1],
    ["no permission", status(401), /refused access \(HTTP status 401\); download the file in another way/, 1],
    ["a prohibition", status(403), /refused access \(HTTP status 403\)/, 1],
    ["another status", status(418), /HTTP status 418/, 1],
    ["a server that fails", status(500), /the server failed \(HTTP status 500\); try again later/, 2],
    ["a server that takes no more", status(429), /accepts no more requests for now \(HTTP status 429\)/, 2],
    [
      "a connection that breaks off",
      dropAfter(1000),
      /(connection broke|connection ended after \d+ of 300001 bytes); try again/,
      2,
    ],
    ["a connection that stalls", stallAfter(1000), /nothing came from the server for 0.2 s/, 2],
  ];
  it.each(failures)("reports %s, and leaves no file", async (what, answer, message, attempts) => {
    server.spoil(answer, answer, answer);
    const stall = what.includes("stalls") ? 200 : patience.stall;
    const error: unknown = await open({}, { patience: { ...patience, stall } }).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(FileError);
    expect(String(error)).toContain(server.url(PATH));
    expect(String(error)).toMatch(message);
    expect(server.transfers(PATH)).toHaveLength(attempts);
    expect(await readdir(folder)).not.toContain(filename);
  });

  it("reports a server that cannot be reached", async () => {
    const gone = await FaultServer.start();
    const url = gone.url("/a.pth");
    await gone.close();
    await expect(open({ url })).rejects.toThrow(`${url}: the server could not be reached`);
    expect(await readdir(folder)).toEqual([]);
  });

  it("reports a wrong checksum, and saves nothing", async () => {
    const wrong = "0".repeat(64);
    await expect(open({ sha256: wrong })).rejects.toThrow(`its SHA-256 is ${sha256}, not ${wrong}`);
    expect(await readdir(folder)).toEqual([]);
  });

  it("finds its line among checksums for any URL", async () => {
    server.files.set("/100%25%20or%20100%.pth", { content });
    server.files.set("/50%25%20off.pth", { content });
    const checksumUrl = server.url("/sums");
    for (const [url, name] of [
      [server.url("/100%25%20or%20100%.pth"), "100%25%20or%20100%.pth"],
      [server.url("/50%25%20off.pth"), "50% off.pth"],
    ] as const) {
      server.files.set("/sums", { content: Buffer.from(`${"1".repeat(64)}  a.pth\n${sha256}  ${name}\n`) });
      expect(same(await open({ url, checksumUrl, filename: "x.pth" }), content)).toBe(true);
    }
  });

  it("names who published a wrong checksum", async () => {
    const checksumUrl = server.url("/sums");
    server.files.set("/sums", { content: Buffer.from("1".repeat(64)) });
    await expect(open({ checksumUrl })).rejects.toThrow(`not ${"1".repeat(64)} as ${checksumUrl} says`);
    expect(await readdir(folder)).toEqual([]);
  });

  it("reports a wrong length", async () => {
    const checksumUrl = server.url("/pointer");
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256}\nsize ${LENGTH + 1}\n`;
    server.files.set("/pointer", { content: Buffer.from(pointer) });
    await expect(open({ checksumUrl })).rejects.toThrow(`has 300001 bytes on the server, but 300002 by ${checksumUrl}`);
    expect(await readdir(folder)).not.toContain(filename);
  });

  it.each([LENGTH - 1, LENGTH + 1, 10])(
    "rejects a file of %i bytes, which is not the requested one",
    async (length) => {
      server.choose = (headers) => (headers.range === "bytes=0-0" ? undefined : withLength(length));
      await expect(open()).rejects.toThrow(/changed on the server while it was downloaded/);
      expect(await readdir(folder)).not.toContain(filename);
    },
  );

  it("rejects half of a file without a length if its checksum is known", async () => {
    server.choose = () => withoutLength(true);
    await expect(open({ sha256 })).rejects.toThrow(/its SHA-256 is/);
    expect(await readdir(folder)).toEqual([]);
  });

  // The kernel itself says that this device is full.
  it.skipIf(!existsSync("/dev/full"))("reports a full disk, and resumes when there is space", async () => {
    server.spoil(dropAfter(100_000), dropAfter(0));
    await expect(open()).rejects.toThrow(FileError);
    const part = join(
      folder,
      (await readdir(folder)).find((name) => name.endsWith(".part"))!,
    );
    await rm(part);
    await symlink("/dev/full", part);
    await expect(open()).rejects.toThrow(`${part}: could not be written: the disk is full; free some space`);
    await rm(part);
    expect(same(await open(), content)).toBe(true);
  });

  it.each(["https://", "http://[::1/a.pth", "https://a b/c.pth"])("reports %j as an invalid address", async (url) => {
    await expect(open({ url })).rejects.toThrow(`${url}: is not a valid address; check its spelling`);
    await expect(open({ checksumUrl: url })).rejects.toThrow(`${url}: is not a valid address`);
    expect(await readdir(folder)).toEqual([]);
  });

  it("says why a server cannot be reached", async () => {
    const cause = Object.assign(new Error("getaddrinfo ENOTFOUND example.org"), { code: "ENOTFOUND" });
    const fetch = () => Promise.reject(new TypeError("fetch failed", { cause }));
    const opening = open({}, { fetch, patience: { attempts: 1 } });
    await expect(opening).rejects.toThrow(/could not be reached.*: getaddrinfo ENOTFOUND example\.org/);
  });

  it.each(["", "..", "a/b.pth", "..\\b.pth"])("is not begun under the name %j", async (name) => {
    await expect(open({ filename: name })).rejects.toThrow(/is not a valid file name/);
    expect(server.requests).toEqual([]);
  });
});
