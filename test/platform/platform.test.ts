import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import * as browser from "../../src/platform/browser.js";
import { FileError } from "../../src/platform/errors.js";
import * as node from "../../src/platform/node.js";
import { BlobSource, MemorySource } from "../../src/platform/source.js";
import type { FileData } from "../../src/platform/platform.js";

const folder = mkdtempSync(path.join(tmpdir(), "dalle2-platform-"));
const content = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);
const file = path.join(folder, "content.bin");
writeFileSync(file, content);

afterAll(() => {
  rmSync(folder, { recursive: true });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.unstubAllEnvs();
});

async function* chunks(...parts: (Uint8Array | Error)[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) {
    await Promise.resolve();
    if (part instanceof Error) throw part;
    yield part;
  }
}

const sources = {
  memory: () => Promise.resolve(new MemorySource(content.subarray(0))),
  // A view that does not start at the start of its buffer, like slices of larger files.
  view: () => Promise.resolve(new MemorySource(Uint8Array.from([9, ...content]).subarray(1))),
  blob: () => Promise.resolve(new BlobSource(new Blob([content]))),
  "Node file": () => node.openFile(file),
};

describe.each(Object.entries(sources))("a source over a %s", (_, open) => {
  it("reads ranges into arrays of their own", async () => {
    const source = await open();
    expect(source.size).toBe(1000);
    const part = await source.read(100, 50);
    expect([part.byteOffset, part.buffer.byteLength]).toEqual([0, 50]);
    expect(part).toEqual(content.slice(100, 150));
    part.fill(0);
    expect(await source.read(990, 10)).toEqual(content.slice(990));
    expect(await source.read(100, 50)).toEqual(content.slice(100, 150));
    expect(await source.read(1000, 0)).toHaveLength(0);
    await source.close();
  });

  it("refuses ranges outside", async () => {
    const source = await open();
    for (const [offset, length] of [
      [990, 11],
      [1001, 0],
      [-1, 2],
      [0, -1],
      [0.5, 1],
      [0, NaN],
    ] as const)
      await expect(source.read(offset, length)).rejects.toThrow(FileError);
    await source.close();
  });

  it("stops if it is aborted", async () => {
    const source = await open();
    await expect(source.read(0, 10, AbortSignal.abort(new Error("enough")))).rejects.toThrow("enough");
    await source.close();
  });
});

describe("files in Node", () => {
  it("names the file, and what is wrong with it, when it cannot be opened", async () => {
    const absent = path.join(folder, "absent.bin");
    await expect(node.openFile(absent)).rejects.toThrow(`${absent}: could not be opened: no such file`);
    await expect(node.openFile(folder)).rejects.toThrow(/is a folder/);
    await expect(node.readText(file, 1000)).rejects.toThrow(/not UTF-8/);
  });

  it("appear only when they are complete", async () => {
    const target = path.join(folder, "new", "out.bin");
    const seen: boolean[] = [];
    async function* watched() {
      for await (const chunk of chunks(content.slice(0, 10), content.slice(10, 30))) {
        seen.push(existsSync(target));
        yield chunk;
      }
    }
    await node.writeFileAtomic(target, watched());
    expect(seen).toEqual([false, false]);
    expect(new Uint8Array(readFileSync(target))).toEqual(content.slice(0, 30));
  });

  it("stay as they were, with nothing beside them, when writing fails", async () => {
    const target = path.join(folder, "kept", "out.txt");
    await node.writeFileAtomic(target, new TextEncoder().encode("old"));
    const half: FileData = chunks(content, new Error("the producer failed"));
    await expect(node.writeFileAtomic(target, half)).rejects.toThrow("the producer failed");
    expect(await node.readText(target, 100)).toBe("old");
    expect(readdirSync(path.dirname(target))).toEqual(["out.txt"]);
  });

  it("are written at any offset, moved over others, listed and removed", async () => {
    const [part, target] = [path.join(folder, "parts", "a.part"), path.join(folder, "parts", "a")];
    await node.writeFileAtomic(target, content);
    for (const [offset, bytes] of [
      [0, content.slice(0, 20)],
      [10, content.slice(10, 40)],
    ] as const) {
      const writer = await node.openWriter(part);
      await writer.write(offset, bytes);
      await writer.close();
    }
    expect((await node.listFiles(path.dirname(part))).sort()).toEqual(["a", "a.part"]);
    expect(await node.moveFile(part, target)).toBe(true);
    expect(await node.moveFile(part, target)).toBe(false);
    expect(new Uint8Array(readFileSync(target))).toEqual(content.slice(0, 40));
    expect(await node.statFile(target)).toEqual({ size: 40, modified: statSync(target).mtimeMs });
    await node.removeFile(target);
    await node.removeFile(target);
    expect(await node.statFile(target)).toBeUndefined();
    expect(await node.listFiles(path.join(folder, "absent"))).toEqual([]);
  });

  it("run one body of a name at a time", async () => {
    const running = new Set<string>();
    const body = (name: string) => async () => {
      expect(running).not.toContain(name);
      running.add(name);
      await new Promise(setImmediate);
      running.delete(name);
      if (name === "b") throw new Error("failed");
      return name;
    };
    const runs = ["a", "b", "a", "b"].map((name) => node.exclusively(name, body(name)));
    const ends = (await Promise.allSettled(runs)).map(({ status }) => status);
    expect(ends).toEqual(["fulfilled", "rejected", "fulfilled", "rejected"]);
  });

  it("cannot be written below another file", async () => {
    await expect(node.writeFileAtomic(path.join(file, "out.bin"), content)).rejects.toThrow(FileError);
  });
});

describe("paths in the browser", () => {
  it("join and split as POSIX paths do", () => {
    for (const parts of [
      ["a", "b"],
      ["/a", "b/c"],
      ["a/", "./b"],
      ["a", "..", "b"],
      ["..", "a"],
      ["/", "..", "a"],
      ["."],
    ])
      expect(browser.join(...parts)).toBe(path.posix.join(...parts));
    for (const name of ["a", "a/b", "/a", "/a/b/c"]) {
      expect(browser.dirname(name)).toBe(path.posix.dirname(name));
      expect(browser.isAbsolute(name)).toBe(path.posix.isAbsolute(name));
    }
  });
});

describe("files in the browser", () => {
  it("are written to and read from the origin's private file system", async () => {
    vi.stubGlobal("navigator", { storage: { getDirectory: () => Promise.resolve(new FakeFolder()) } });
    await browser.writeFileAtomic(
      "models/prior.txt",
      chunks(new TextEncoder().encode("hel"), Uint8Array.of(0x6c, 0x6f)),
    );
    expect(await browser.readText("/models/../models/prior.txt", 100)).toBe("hello");
    const source = await browser.openFile("models/prior.txt");
    expect(new TextDecoder().decode(await source.read(1, 3))).toBe("ell");
    await expect(browser.writeFileAtomic("models/prior.txt", chunks(content, new Error("stop")))).rejects.toThrow(
      "stop",
    );
    expect(await browser.readText("models/prior.txt", 100)).toBe("hello");
    await expect(browser.openFile("models/absent")).rejects.toThrow(/private file system/);
    await expect(browser.openFile("../outside")).rejects.toThrow(FileError);
  });

  it("are refused for want of room, also new ones", async () => {
    const full = new FakeFolder();
    full.getFileHandle = () => Promise.reject(new DOMException("no room", "QuotaExceededError"));
    vi.stubGlobal("navigator", { storage: { getDirectory: () => Promise.resolve(full) } });
    await expect(browser.writeFileAtomic("prior.txt", chunks(content))).rejects.toMatchObject({
      code: "file/no-space",
      message: expect.stringContaining("storage is full") as unknown,
    });
  });
});

// The digest of "abc" is the example of FIPS 180-4.
describe.each([
  ["Node", node],
  ["the browser", browser],
] as const)("SHA-256 in %s", (_, { createSha256 }) => {
  it("is that of all parts together", () => {
    const hash = createSha256();
    for (const part of ["", "a", "bc"]) hash.update(new TextEncoder().encode(part));
    expect(hash.digest()).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  });
});

const stored = new Map<string, Blob>();

/** The part of FileSystemDirectoryHandle that browser.ts uses, over one map for the whole tree. */
class FakeFolder {
  constructor(private readonly path = "") {}

  getDirectoryHandle(name: string) {
    return Promise.resolve(new FakeFolder(`${this.path}${name}/`));
  }

  getFileHandle(name: string, { create }: { create: boolean }) {
    const key = this.path + name;
    if (!create && !stored.has(key)) return Promise.reject(new DOMException("absent", "NotFoundError"));
    const parts: BlobPart[] = [];
    return Promise.resolve({
      getFile: () => Promise.resolve(stored.get(key)),
      createWritable: () =>
        Promise.resolve({
          write: (part: BlobPart) => Promise.resolve(parts.push(part)),
          abort: () => Promise.resolve(),
          close: () => Promise.resolve(stored.set(key, new Blob(parts))),
        }),
    });
  }
}

// Both platforms implement the interface: a missing name does not compile.
const sides: readonly import("../../src/platform/platform.js").Platform[] = [node, browser];
it("has two sides", () => {
  expect(sides.map((side) => typeof side.openFile)).toEqual(["function", "function"]);
});

describe("the folder for downloads", () => {
  it.runIf(process.platform === "linux").each(["", "relative/cache"])("is not in XDG_CACHE_HOME %j", (xdg) => {
    vi.stubEnv("DALLE2_CACHE", "");
    vi.stubEnv("XDG_CACHE_HOME", xdg);
    expect(node.cacheFolder()).toBe(path.join(homedir(), ".cache", "dalle2-webgpu"));
    vi.stubEnv("XDG_CACHE_HOME", folder);
    expect(node.cacheFolder()).toBe(path.join(folder, "dalle2-webgpu"));
    vi.stubEnv("DALLE2_CACHE", file);
    expect(node.cacheFolder()).toBe(file);
  });
});
