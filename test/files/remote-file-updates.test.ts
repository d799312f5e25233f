// Which files are kept, when they are used, and when they are replaced.
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { clearCache, listCache } from "../../src/files/cache.js";
import { openRemote } from "../../src/files/remote-file.js";
import type { RemoteFile, RemoteOptions } from "../../src/files/remote-options.js";
import { dropAfter, FaultServer, status } from "../support/fault-server.js";

const text = (value: string): Uint8Array => new TextEncoder().encode(value);
const sha256Of = (value: string): string => createHash("sha256").update(value).digest("hex");
const PATH = "/org/repo/resolve/main/model.pth";
const POINTER = "/org/repo/raw/main/model.pth";
const filename = "prior.pth";

let server: FaultServer;
let folder: string;
let warnings: string[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "updates-"));
  server = await FaultServer.start();
  warnings = [];
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
  await rm(folder, { recursive: true });
});

async function open(file: Partial<RemoteFile> = {}, options: RemoteOptions = {}): Promise<string> {
  const onWarning = (message: string) => warnings.push(message);
  const remote = { url: server.url(PATH), folder, filename, ...file };
  const patience = { attempts: 2, pause: 1, stall: 2000 };
  const source = await openRemote(remote, { patience, onWarning, cacheFolder: folder, ...options });
  const bytes = await source.read(0, source.size);
  await source.close();
  return new TextDecoder().decode(bytes);
}

function serve(value: string, etag?: string): void {
  server.files.set(PATH, { content: text(value), etag });
}

function servePointer(value: string): void {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${sha256Of(value)}\nsize ${value.length}\n`;
  server.files.set(POINTER, { content: text(pointer) });
}

/** Paths that were requested since the last call. */
function asked(): string[] {
  return server.requests.splice(0).map(({ path }) => path);
}

describe("a file with a checksum", () => {
  const kinds = {
    "that the hub has": { prepare: () => vi.stubEnv("HF_ENDPOINT", server.url()), file: () => ({}) },
    "that a config names": { prepare: () => undefined, file: () => ({ checksumUrl: server.url(POINTER) }) },
  };
  it.each(Object.entries(kinds))("%s is downloaded again when that changes, and only then", async (_, kind) => {
    kind.prepare();
    serve("first");
    servePointer("first");
    expect(await open(kind.file())).toBe("first");
    asked();
    expect(await open(kind.file())).toBe("first");
    expect(asked()).toEqual([POINTER]);
    serve("second");
    servePointer("second");
    expect(await open(kind.file(), { checkUpdates: false })).toBe("first");
    expect(asked()).toEqual([]);
    expect(warnings).toEqual([]);
    expect(await open(kind.file())).toBe("second");
    expect(warnings).toEqual([expect.stringMatching(/the server has a newer version; downloading it/)]);
    // For dalle2-laion, in the same folder.
    const checksum = await readFile(join(folder, `${filename}.checksum`), "utf8");
    expect(checksum).toContain(`oid sha256:${sha256Of("second")}`);
  });

  it("that is not a SHA-256 is compared as text, as in dalle2-laion", async () => {
    const checksumUrl = server.url("/sum");
    server.files.set("/sum", { content: text('{"version": 1}') });
    serve("first");
    await open({ checksumUrl });
    expect(await readFile(join(folder, `${filename}.checksum`), "utf8")).toBe('{"version": 1}');
    serve("second");
    expect(await open({ checksumUrl })).toBe("first");
    server.files.set("/sum", { content: text('{"version": 2}') });
    expect(await open({ checksumUrl })).toBe("second");
  });

  it("that is missing is an error if a config names it, but not if only the hub might have it", async () => {
    serve("first", '"1"');
    await expect(open({ checksumUrl: server.url("/absent") })).rejects.toThrow(/absent: the server has no such file/);
    vi.stubEnv("HF_ENDPOINT", server.url());
    expect(await open()).toBe("first");
  });

  it("known beforehand is not asked for", async () => {
    serve("first");
    await open({ sha256: sha256Of("first") });
    asked();
    await open({ sha256: sha256Of("first") });
    expect(asked()).toEqual([]);
    serve("second");
    expect(await open({ sha256: sha256Of("second") }, { checkUpdates: false })).toBe("second");
  });
});

describe("a file without a checksum", () => {
  it("is downloaded again when its ETag changes, and only then", async () => {
    serve("first", '"1"');
    await open();
    asked();
    expect(await open()).toBe("first");
    expect(server.transfers(PATH)).toEqual([]);
    serve("again", '"2"');
    expect(await open({}, { checkUpdates: false })).toBe("first");
    expect(await open()).toBe("again");
  });

  it("is not replaced if the server names no version, unless its length changes", async () => {
    serve("first");
    await open();
    serve("other");
    expect(await open()).toBe("first");
    serve("longer");
    expect(await open()).toBe("longer");
  });
});

describe("a kept file", () => {
  const troubles = {
    "that answers no more": () =>
      server
        .close()
        .then(() => FaultServer.start())
        .then((other) => (server = other)),
    "that fails": () => (server.choose = () => status(503)),
    "that has it no more": () => {
      server.files.clear();
    },
    "that refuses": () => (server.choose = () => status(403)),
  };
  it.each(Object.entries(troubles))("is used with a warning for a server %s", async (_, spoil) => {
    serve("first", '"1"');
    const url = server.url(PATH);
    await open();
    await spoil();
    expect(await open({ url })).toBe("first");
    expect(warnings).toEqual([expect.stringMatching(/Could not check for a newer version; using .*prior.pth$/)]);
    expect(await open({ url }, { checkUpdates: false })).toBe("first");
    expect(warnings).toHaveLength(1);
  });

  it("is detected and replaced if it came from another URL", async () => {
    serve("first", '"1"');
    server.files.set("/elsewhere", { content: text("other"), etag: '"1"' });
    await open();
    const elsewhere = { url: server.url("/elsewhere") };
    expect(await open(elsewhere, { checkUpdates: false })).toBe("other");
    expect(warnings).toEqual([
      `${join(folder, filename)}: was downloaded from ${server.url(PATH)}; replacing it with ${elsewhere.url}`,
    ]);
    server.files.clear();
    await expect(open()).rejects.toThrow(/no such file/);
    expect(await open(elsewhere)).toBe("other");
  });

  it("is the same from every URL if the checksum says so", async () => {
    serve("first");
    servePointer("first");
    server.files.set("/elsewhere", { content: text("first") });
    const checksumUrl = server.url(POINTER);
    await open({ checksumUrl });
    asked();
    await open({ url: server.url("/elsewhere"), checksumUrl });
    expect(asked()).toEqual([POINTER]);
    expect(warnings).toEqual([]);
  });

  it("that was damaged is detected, even with the same length, and downloaded again", async () => {
    serve("first", '"1"');
    await open();
    await writeFile(join(folder, filename), "worst");
    expect(await open({}, { checkUpdates: false })).toBe("first");
    expect(warnings).toEqual([expect.stringMatching(/the file was damaged or changed since its download/)]);
  });

  it("that was only touched is read once, and not downloaded", async () => {
    serve("first", '"1"');
    await open();
    await utimes(join(folder, filename), 1, 1);
    server.files.clear();
    expect(await open({}, { checkUpdates: false })).toBe("first");
    const { modified } = JSON.parse(await readFile(join(folder, `${filename}.record.json`), "utf8")) as {
      modified: number;
    };
    expect(modified).toBe(1000);
  });

  it("that dalle2-laion downloaded is used", async () => {
    servePointer("first");
    const checksumUrl = server.url(POINTER);
    await writeFile(join(folder, filename), "first");
    await writeFile(join(folder, `${filename}.checksum`), server.files.get(POINTER)!.content);
    expect(await open({ checksumUrl })).toBe("first");
    expect(asked()).toEqual([POINTER]);
    expect(warnings).toEqual([]);
  });

  it("that dalle2-laion left half downloaded is not", async () => {
    serve("first");
    servePointer("first");
    const checksumUrl = server.url(POINTER);
    await writeFile(join(folder, filename), "fir");
    await writeFile(join(folder, `${filename}.checksum`), server.files.get(POINTER)!.content);
    expect(await open({ checksumUrl })).toBe("first");
  });

  it("is fetched once by two callers of one process", async () => {
    serve("first", '"1"');
    expect(await Promise.all([open(), open()])).toEqual(["first", "first"]);
    expect(server.transfers(PATH)).toHaveLength(1);
  });
});

describe("the user's cache", () => {
  it("lists and clears a download without any bytes", async () => {
    serve("first", '"1"');
    server.spoil(status(500), status(500), status(500));
    await expect(open()).rejects.toThrow(/HTTP status 500/);
    const [begun] = await listCache(folder);
    expect(begun).toMatchObject({ url: server.url(PATH), bytes: 0, totalBytes: 5, isComplete: false });
    expect(await clearCache(folder)).toEqual([begun]);
    expect(await readdir(folder)).toEqual([]);
  });

  it("keeps files of one name from different addresses apart, and is said once", async () => {
    serve("first", '"1"');
    server.files.set("/elsewhere/model.pth", { content: text("other"), etag: '"1"' });
    const elsewhere = { url: server.url("/elsewhere/model.pth"), folder: undefined };
    expect(await open({ folder: undefined })).toBe("first");
    expect(await open(elsewhere)).toBe("other");
    expect(await open({ folder: undefined })).toBe("first");
    expect(warnings).toEqual([expect.stringContaining(`Downloads are kept in ${folder}. Set DALLE2_CACHE`)]);
  });

  it("is not changed if nothing is kept", async () => {
    serve("first", '"1"');
    const source = await openRemote({ url: server.url(PATH), filename }, { cacheFolder: folder, keep: false });
    expect(source.size).toBe(5);
    await source.close();
    expect(await readdir(folder)).toEqual([]);
    await expect(open({ folder: undefined, sha256: sha256Of("other") }, { keep: false })).rejects.toThrow(
      /its SHA-256 is/,
    );
    expect(await readdir(folder)).toEqual([]);
  });

  it("lists what is there and what is not finished, and is cleared of either", async () => {
    await writeFile(join(folder, "notes.txt"), "not a download");
    serve("first", '"1"');
    await open();
    const half = "half ".repeat(50_000);
    server.files.set("/half.pth", { content: text(half), etag: '"1"' });
    server.spoil(dropAfter(200_000), dropAfter(0));
    await expect(open({ url: server.url("/half.pth"), filename: "half.pth" })).rejects.toThrow();
    const [unfinished, complete] = await listCache(folder);
    expect(complete).toEqual({
      name: filename,
      path: join(folder, filename),
      url: server.url(PATH),
      bytes: 5,
      totalBytes: 5,
      isComplete: true,
      isInUse: false,
    });
    expect(unfinished).toMatchObject({ url: server.url("/half.pth"), totalBytes: half.length, isComplete: false });
    expect(unfinished!.bytes).toBeGreaterThan(0);
    expect(unfinished!.bytes).toBeLessThan(half.length);
    expect(await clearCache(folder, ({ isComplete }) => isComplete)).toEqual([complete]);
    expect(existsSync(join(folder, filename))).toBe(false);
    expect(await clearCache(folder)).toEqual([unfinished]);
    expect(await readdir(folder)).toEqual(["notes.txt"]);
  });
});

describe("the token", () => {
  it("goes to the hub, but not to where the hub redirects", async () => {
    const storage = await FaultServer.start();
    storage.files.set("/stored", { content: text("first"), etag: '"1"' });
    serve("", '"1"');
    server.choose = () => status(302, { Location: storage.url("/stored") });
    vi.stubEnv("HF_ENDPOINT", server.url());
    vi.stubEnv("HF_TOKEN", "secret");
    expect(await open()).toBe("first");
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(Array(3).fill("Bearer secret"));
    expect(storage.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
    await storage.close();
  });

  it("is requested if it is missing, and named if it is refused", async () => {
    serve("first");
    server.choose = () => status(401);
    vi.stubEnv("HF_ENDPOINT", server.url());
    vi.stubEnv("HF_TOKEN", "");
    vi.stubEnv("HUGGING_FACE_HUB_TOKEN", "");
    await expect(open()).rejects.toThrow(/HTTP status 401\), or has no such file; set HF_TOKEN to the token/);
    vi.stubEnv("HUGGING_FACE_HUB_TOKEN", "secret");
    await expect(open()).rejects.toThrow(
      /HTTP status 401\) with the token in HUGGING_FACE_HUB_TOKEN; accept the terms/,
    );
    vi.stubEnv("HF_TOKEN", "secret");
    await expect(open()).rejects.toThrow(/HTTP status 401\) with the token in HF_TOKEN; accept the terms/);
  });
});
