import { mkdir, mkdtemp, readdir, rm, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { FileFolder } from "../../../src/files/folder/file-folder.js";
import { hubFileUrl, hubId, hubPlaceOf, parseHubId } from "../../../src/files/folder/hub-place.js";
import { isFolderUrl, localFolder, remoteFolders, remotePlace } from "../../../src/files/folder/places.js";
import { FolderMemory } from "../../../src/files/folder/folder-memory.js";
import type { RemoteFolderOptions } from "../../../src/files/folder/remote-folder.js";
import { reserveSpace } from "../../../src/files/space.js";
import { dropAfter, FaultServer, status } from "../../support/fault-server.js";
import { serveRepository, type Repository } from "../../support/hub-server.js";

const root = await mkdtemp(join(tmpdir(), "remote-folder-"));
const WEIGHTS = new Uint8Array(300_000).map((_, i) => i % 251);
const FILES = new Map<string, Uint8Array>([
  ["model_index.json", Buffer.from('{"_class_name": "X"}')],
  ["prior/config.json", Buffer.from('{"a": 1}')],
  ["prior/model.bin", WEIGHTS],
]);
const REPOSITORY: Repository = { id: "some/model", licence: "creativeml-openrail-m", files: FILES };

let server: FaultServer;
let warnings: string[];
let cacheFolder: string;
let count = 0;

beforeEach(async () => {
  server = await FaultServer.start();
  vi.stubEnv("HF_ENDPOINT", server.url());
  vi.stubEnv("HF_HUB_CACHE", join(root, "none"));
  warnings = [];
  cacheFolder = join(root, String(++count));
});

afterEach(async () => {
  vi.unstubAllEnvs();
  await server.close();
});

afterAll(() => rm(root, { recursive: true }));

function options(more: Partial<RemoteFolderOptions> = {}): RemoteFolderOptions {
  return {
    cacheFolder,
    patience: { attempts: 2, pause: 1, stall: 2000 },
    onWarning: (warning) => warnings.push(warning),
    memory: new FolderMemory(),
    ...more,
  };
}

/** The last place for a text: the server. */
async function folder(text = "some/model", more: Partial<RemoteFolderOptions> = {}): Promise<FileFolder> {
  return (await remoteFolders(remotePlace(text)!, options(more))).at(-1)!;
}

async function read(files: FileFolder, path: string): Promise<string> {
  const source = await files.open(path);
  const text = Buffer.from(await source.read(0, source.size)).toString("latin1");
  await source.close();
  return text;
}

const weights = Buffer.from(WEIGHTS).toString("latin1");

describe("a repository on the hub", () => {
  it("is listed, downloaded by file, and then read without requests for its files", async () => {
    serveRepository(server, REPOSITORY);
    const first = await folder();
    expect([await first.has("prior/model.bin"), await first.has("prior/model.safetensors")]).toEqual([true, false]);
    expect(await read(first, "prior/config.json")).toBe('{"a": 1}');
    expect(await read(first, "prior/model.bin")).toBe(weights);
    await expect(first.open("prior/other.json")).rejects.toMatchObject({ code: "file/not-found" });
    const before = server.requests.length;
    const again = await folder();
    expect(await read(again, "prior/config.json")).toBe('{"a": 1}');
    expect(await read(again, "prior/model.bin")).toBe(weights);
    expect(server.requests.slice(before).map(({ path }) => path)).toEqual([
      "/api/models/some/model/revision/main?blobs=true",
    ]);
    expect((await readdir(cacheFolder)).some((name) => name.endsWith("some--model--prior--model.bin"))).toBe(true);
  });

  it("says once how much is to be downloaded and under which licence, and nothing if all is there", async () => {
    serveRepository(server, REPOSITORY);
    const memory = new FolderMemory();
    const first = await folder("some/model", { memory });
    await first.announce!(["prior/model.bin"]);
    await (
      await folder("some/model", { memory })
    ).announce!(["prior/model.bin"]);
    expect(warnings).toEqual(["some/model: 300.00 kB to download, licence creativeml-openrail-m"]);
    await read(first, "prior/model.bin");
    warnings = [];
    await (
      await folder()
    ).announce!(["prior/model.bin"]);
    expect(warnings).toEqual([]);
  });

  it("is announced while another call downloads it into the last room of the disk", async () => {
    serveRepository(server, REPOSITORY);
    const { bavail, bsize } = await statfs(root);
    const size = Math.floor(0.6 * bavail * bsize);
    const rooms = [];
    for (const name of ["prior", "decoder"]) {
      rooms.push(await reserveSpace(name, cacheFolder, 0, size));
      rooms.at(-1)!.advance(size);
    }
    // Together they need more than there is.
    for (const room of rooms) room.advance(0);
    await (
      await folder()
    ).announce!(["prior/model.bin"]);
    for (const room of rooms) room.release();
    expect(warnings).toEqual(["some/model: 300.00 kB to download, licence creativeml-openrail-m"]);
  });

  it("resumes a download after a break, and says how much is left", async () => {
    serveRepository(server, REPOSITORY);
    server.choose = ({ range }, path) =>
      path.endsWith("model.bin") && range !== "bytes=0-0" ? dropAfter(120_000) : undefined;
    await expect(read(await folder(), "prior/model.bin")).rejects.toThrow("the connection");
    server.choose = () => undefined;
    warnings = [];
    const again = await folder();
    await again.announce!(["prior/model.bin"]);
    const [, kilobytes] = /^some\/model: ([\d.]+) kB to download/.exec(warnings[0]!)!;
    expect(Number(kilobytes)).toBeLessThan(300);
    const before = server.requests.length;
    expect(await read(again, "prior/model.bin")).toBe(weights);
    const ranges = server.requests.slice(before).map(({ headers }) => headers.range);
    expect(ranges.some((range) => /^bytes=[1-9]\d*-$/.test(range ?? ""))).toBe(true);
  });

  it("is read offline after its download, with one warning", async () => {
    serveRepository(server, REPOSITORY);
    for (const path of FILES.keys()) await read(await folder(), path);
    await server.close();
    warnings = [];
    const memory = new FolderMemory();
    const offline = await folder("some/model", { memory });
    for (const path of FILES.keys()) await read(offline, path);
    expect(await offline.has("prior/model.safetensors")).toBe(false);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toMatch(/could not be reached.*using the files that are here/);
    // Without updates, nobody is asked.
    warnings = [];
    expect(await read(await folder("some/model", { checkUpdates: false }), "prior/model.bin")).toBe(weights);
    expect(warnings).toEqual([]);
    server = await FaultServer.start();
  });

  it("is downloaded again where it changed", async () => {
    serveRepository(server, REPOSITORY);
    for (const path of FILES.keys()) await read(await folder(), path);
    const changed = new Map([...FILES, ["prior/config.json", Buffer.from('{"a": 2}')] as const]);
    changed.set("prior/model.bin", Buffer.from("other"));
    serveRepository(server, { ...REPOSITORY, files: changed });
    const files = await folder();
    expect(await read(files, "prior/config.json")).toBe('{"a": 2}');
    expect(await read(files, "prior/model.bin")).toBe("other");
  });

  it("does not clash with another in the same folder", async () => {
    serveRepository(server, REPOSITORY);
    const other = new Map([["prior/model.bin", Buffer.from("other")]]);
    serveRepository(server, { id: "some/other", files: other });
    serveRepository(server, { id: "some/branch", revision: "refs/pr/8", files: other });
    const kept = { folder: join(cacheFolder, "models") };
    expect(await read(await folder("some/model", kept), "prior/model.bin")).toBe(weights);
    expect(await read(await folder("some/other", kept), "prior/model.bin")).toBe("other");
    expect(await read(await folder("some/branch@refs/pr/8", kept), "prior/model.bin")).toBe("other");
    expect((await readdir(kept.folder)).filter((name) => name.endsWith(".bin")).sort()).toEqual([
      "some--branch@refs--pr--8--prior--model.bin",
      "some--model--prior--model.bin",
      "some--other--prior--model.bin",
    ]);
  });

  it("is read by ranges if only headers are read, and nothing is kept", async () => {
    serveRepository(server, REPOSITORY);
    const files = await folder("some/model", { remote: "ranges" });
    const source = await files.open("prior/model.bin");
    expect([...(await source.read(3, 2))]).toEqual([3, 4]);
    await files.announce!(["prior/model.bin"]);
    expect(warnings).toEqual([]);
    expect(await readdir(cacheFolder).catch(() => "no folder")).toBe("no folder");
  });
});

describe("a mirror without a list of files", () => {
  it("is asked for each file, with the checksums of large ones", async () => {
    serveRepository(server, { ...REPOSITORY, hasApi: false });
    const files = await folder();
    expect([await files.has("prior/model.bin"), await files.has("prior/model.safetensors")]).toEqual([true, false]);
    await files.announce!(["prior/model.bin"]);
    expect(warnings).toEqual(["some/model: 300.00 kB to download"]);
    expect(await read(files, "prior/model.bin")).toBe(weights);
  });
});

describe("a folder on any server", () => {
  const serve = () => {
    vi.stubEnv("HF_ENDPOINT", "");
    for (const [path, content] of FILES)
      server.files.set(`/sets/karlo/${path}`, { content, etag: `"${content.length}"` });
  };

  it.each(["/sets/karlo", "/sets/karlo/", "/sets/karlo/model_index.json"])("is read by its URL: %s", async (path) => {
    serve();
    const files = await folder(server.url(path));
    expect(files.name).toBe(server.url("/sets/karlo"));
    expect([await files.has("prior/model.bin"), await files.has("prior/model.safetensors")]).toEqual([true, false]);
    expect(await read(files, "prior/model.bin")).toBe(weights);
  });

  it("is read offline after its download", async () => {
    serve();
    const url = server.url("/sets/karlo");
    for (const path of FILES.keys()) await read(await folder(url), path);
    await server.close();
    const files = await folder(url, { patience: { attempts: 1, pause: 1, stall: 500 } });
    expect(await files.has("model_index.json")).toBe(true);
    expect([await files.has("prior/model.safetensors"), await files.has("prior/model.bin")]).toEqual([false, true]);
    expect(await read(files, "prior/model.bin")).toBe(weights);
    server = await FaultServer.start();
  });

  it("that fails is an error, not a folder without the file", async () => {
    serve();
    server.choose = () => status(503);
    await expect((await folder(server.url("/sets/karlo"))).has("prior/model.bin")).rejects.toThrow("HTTP status 503");
  });
});

describe("the cache of Hugging Face's libraries", () => {
  const COMMIT = "0123456789012345678901234567890123456789";

  async function snapshot(): Promise<string> {
    const cache = join(root, `hub-${++count}`);
    const repository = join(cache, "models--some--model");
    for (const [path, content] of FILES) {
      const file = join(repository, "snapshots", COMMIT, path);
      await mkdir(dirname(file), { recursive: true });
      await writeFile(file, content);
    }
    await mkdir(join(repository, "refs", "refs", "pr"), { recursive: true });
    await writeFile(join(repository, "refs", "main"), COMMIT);
    await writeFile(join(repository, "refs", "refs", "pr", "8"), `${COMMIT}\n`);
    vi.stubEnv("HF_HUB_CACHE", cache);
    return repository;
  }

  it.each(["some/model", "some/model@refs/pr/8", `some/model@${COMMIT}`])("is read where it lies: %s", async (id) => {
    const repository = await snapshot();
    const [first] = await remoteFolders(remotePlace(id)!, options());
    expect(first!.name).toBe(join(repository, "snapshots", COMMIT));
    expect(await read(first!, "prior/model.bin")).toBe(weights);
    expect(server.requests).toEqual([]);
  });

  it("is read by the path of a repository in it", async () => {
    const repository = await snapshot();
    expect(await read((await localFolder(repository))!, "prior/model.bin")).toBe(weights);
    await rm(join(repository, "refs"), { recursive: true });
    await expect(localFolder(repository)).rejects.toThrow("has no snapshot of the revision main");
  });

  it("is where the environment says", async () => {
    await snapshot();
    const { HF_HUB_CACHE: cache } = process.env;
    vi.stubEnv("HF_HUB_CACHE", "");
    vi.stubEnv("HF_HOME", dirname(cache!));
    expect(await remoteFolders(remotePlace("some/model")!, options())).toHaveLength(1);
    await mkdir(join(dirname(cache!), "hub"));
    await import("node:fs/promises").then(({ rename }) => rename(cache!, join(dirname(cache!), "hub")));
    expect(await remoteFolders(remotePlace("some/model")!, options())).toHaveLength(2);
  });
});

describe("names of repositories", () => {
  it("are org/name with a revision", () => {
    expect(parseHubId("kakaobrain/karlo-v1-alpha")).toEqual({ id: "kakaobrain/karlo-v1-alpha", revision: "main" });
    expect(parseHubId("a/b@refs/pr/8")).toEqual({ id: "a/b", revision: "refs/pr/8" });
    const none = [
      "a",
      "a/b/c",
      "./a",
      "../a",
      "/a/b",
      "a/b.json",
      "a/b@",
      "a/b@../c",
      "a/..",
      "a//b",
      "a/b@x\\y",
      "a b/c",
    ];
    for (const text of none) expect(parseHubId(text), text).toBeUndefined();
    expect(hubId({ id: "a/b", revision: "main" })).toBe("a/b");
    expect(hubId({ id: "a/b", revision: "v1" })).toBe("a/b@v1");
    expect(hubFileUrl({ id: "a/b", revision: "refs/pr/8" }, "x y/z.bin")).toBe(
      "https://huggingface.co/a/b/resolve/refs%2Fpr%2F8/x%20y/z.bin",
    );
  });

  it("are in addresses of the hub and of the mirror", () => {
    const of = (path: string) => hubPlaceOf(`https://huggingface.co${path}`);
    expect(of("/a/b")).toEqual({ id: "a/b", revision: "main" });
    expect(of("/a/b/tree/v1")).toEqual({ id: "a/b", revision: "v1" });
    expect(of("/a/b/tree/refs%2Fpr%2F8")).toEqual({ id: "a/b", revision: "refs/pr/8" });
    expect(of("/a/b/resolve/main/model_index.json")).toEqual({ id: "a/b", revision: "main" });
    expect(of("/a/b/resolve/main/prior/model.bin")).toBeUndefined();
    expect(hubPlaceOf(server.url("/a/b"))).toEqual({ id: "a/b", revision: "main" });
    expect(() => of("/a/b/tree/main/prior")).toThrow("folders inside of one are not supported");
    expect(isFolderUrl("https://example.org/sets/models.json")).toBe(false);
    expect(isFolderUrl("https://example.org/sets/model_index.json")).toBe(true);
    expect(isFolderUrl("https://example.org/sets/")).toBe(true);
  });
});
