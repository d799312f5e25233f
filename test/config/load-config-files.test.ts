import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ConfigError } from "../../src/config/config-error.js";
import type { FileLocation } from "../../src/config/load-config-data.js";
import { ModelLoadConfig, type FileOptions } from "../../src/pipeline/load-config.js";
import { FileError } from "../../src/platform/errors.js";

let folder: string;
/** Folder of the load config. */
let beside: string;
let working: string;
const before = process.cwd();

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "load-config-")));
});

afterAll(async () => {
  process.chdir(before);
  await rm(folder, { recursive: true });
});

beforeEach(async () => {
  const own = await mkdtemp(join(folder, "test-"));
  [beside, working] = [join(own, "configs"), join(own, "working")];
  await mkdir(beside);
  await mkdir(working);
  process.chdir(working);
});

const local = (path: string): FileLocation => ({ load_type: "local", path });
const remote = (path: string, more: Partial<FileLocation> = {}): FileLocation => ({ load_type: "url", path, ...more });
const configAt = (source: string) => ModelLoadConfig.parse({}, source);

/** The content of a file, and where it was found. */
async function open(config: ModelLoadConfig, file: FileLocation, options?: FileOptions) {
  const source = await config.openFile(file, options);
  const text = new TextDecoder().decode(await source.read(0, source.size));
  await source.close();
  return { text, name: source.name };
}

/** A server of texts by URL, whole or by range. */
function serverOf(texts: Readonly<Record<string, string>>): typeof fetch {
  return (input, init) => {
    const { url, method, headers } = new Request(input, init);
    const bytes = url in texts ? new TextEncoder().encode(texts[url]) : undefined;
    if (!bytes) return Promise.resolve(new Response("", { status: 404 }));
    const length = String(bytes.length);
    if (method === "HEAD") return Promise.resolve(new Response(null, { headers: { "content-length": length } }));
    const [, start, last] = /^bytes=(\d+)-(\d*)$/.exec(headers.get("range") ?? "") ?? [];
    if (start === undefined) return Promise.resolve(new Response(bytes, { headers: { "content-length": length } }));
    const part = bytes.slice(Number(start), last ? Number(last) + 1 : undefined);
    const range = `bytes ${start}-${Number(start) + part.length - 1}/${length}`;
    return Promise.resolve(new Response(part, { status: 206, headers: { "content-range": range } }));
  };
}

describe("a local path of a load config", () => {
  it("is looked up in the config's folder first", async () => {
    await writeFile(join(beside, "x.txt"), "beside");
    await writeFile("x.txt", "working");
    const config = configAt(join(beside, "models.json"));
    expect(await open(config, local("x.txt"))).toEqual({ text: "beside", name: join(beside, "x.txt") });
  });

  it("is then looked up in the working directory, as in dalle2-laion, with one warning", async () => {
    await writeFile("x.txt", "x");
    await writeFile("y.txt", "y");
    const warnings: string[] = [];
    const options = { onWarning: (warning: string) => warnings.push(warning) };
    const config = configAt(join(beside, "models.json"));
    expect(await open(config, local("x.txt"), options)).toEqual({ text: "x", name: "x.txt" });
    expect((await open(config, local("./y.txt"), options)).text).toBe("y");
    expect([local("x.txt"), local("z.txt")].map((file) => config.describe(file))).toEqual([
      "x.txt",
      join(beside, "z.txt"),
    ]);
    expect(warnings).toEqual([
      `x.txt is not in the folder of ${join(beside, "models.json")}, so it is read from the working directory.`,
    ]);
  });

  it("is at its absolute path", async () => {
    const path = join(working, "x.txt");
    await writeFile(path, "x");
    expect(await open(configAt(join(beside, "models.json")), local(path))).toEqual({ text: "x", name: path });
  });

  it("that does not exist is an error that names both folders", async () => {
    const source = join(beside, "models.json");
    const opening = configAt(source).openFile(local("x.txt"));
    await expect(opening).rejects.toThrow(FileError);
    await expect(opening).rejects.toThrow(
      `x.txt: there is no such file in the folder of ${source} (${beside}) or in the working directory`,
    );
  });

  it("is beside the config on its server if the config is from a URL", async () => {
    const fetch = serverOf({
      "https://example.org/sets/models.json":
        '{"prior": {"load_model_from": {"load_type": "local", "path": "prior.pth"}}}',
      "https://example.org/sets/prior.pth": "weights",
    });
    const config = await ModelLoadConfig.fromJsonPath("https://example.org/sets/models.json", { fetch });
    const { text, name } = await open(config, config.data.prior!.load_model_from, { fetch });
    expect([text, name]).toEqual(["weights", "https://example.org/sets/prior.pth"]);
  });
});

describe("a download is kept", () => {
  const url = "https://example.org/models/x.txt?download=true";
  const fetch = serverOf({ [url]: "weights" });

  it("in cache_dir beside the config", async () => {
    const config = configAt(join(beside, "models.json"));
    const { text, name } = await open(config, remote(url, { cache_dir: "./models" }), { fetch });
    expect([text, name]).toEqual(["weights", join(beside, "models", "x.txt")]);
  });

  it("in the cache_dir of the working directory, if there is one", async () => {
    await mkdir("models");
    const config = configAt(join(beside, "models.json"));
    const file = remote(url, { cache_dir: "./models", filename_override: "y.txt" });
    expect((await open(config, file, { fetch })).name).toMatch(/^(\.\/)?models\/y\.txt$/);
  });

  it("in an absolute cache_dir", async () => {
    const cacheDir = join(working, "cache");
    const config = configAt(join(beside, "models.json"));
    expect((await open(config, remote(url, { cache_dir: cacheDir }), { fetch })).name).toBe(join(cacheDir, "x.txt"));
  });

  it("in the user's cache without cache_dir, and where the config was read from a URL", async () => {
    const options = { fetch, cacheFolder: join(working, "cache"), onWarning: () => undefined };
    const own = configAt(join(beside, "models.json"));
    expect((await open(own, remote(url), options)).name).toMatch(/working\/cache\/.*x\.txt$/);
    // The server of a config must not choose where files are written here.
    await mkdir("models");
    const served = configAt("https://example.org/models.json");
    for (const cacheDir of ["models", working]) {
      expect((await open(served, remote(url, { cache_dir: cacheDir }), options)).name).toMatch(
        /working\/cache\/.*x\.txt$/,
      );
    }
  });
});

describe("a config itself", () => {
  it("that is missing, or not JSON, or missing on its server is an error that names it", async () => {
    await writeFile("broken.json", "{");
    await expect(ModelLoadConfig.fromJsonPath("absent.json")).rejects.toThrow(
      /^absent\.json: could not be read: no such file/,
    );
    await expect(ModelLoadConfig.fromJsonPath("broken.json")).rejects.toThrow(/^broken\.json is not JSON: /);
    await expect(ModelLoadConfig.fromJsonPath("broken.json")).rejects.toThrow(ConfigError);
    const url = "https://example.org/models.json";
    await expect(ModelLoadConfig.fromJsonPath(url, { fetch: serverOf({}) })).rejects.toThrow(
      `${url}: the server has no such file (HTTP status 404)`,
    );
    await expect(ModelLoadConfig.fromJsonPath(url, { fetch: serverOf({ [url]: "<html>" }) })).rejects.toThrow(
      `${url} is not JSON`,
    );
  });

  it("names a train config that is not JSON, or not UTF-8", async () => {
    await writeFile(join(beside, "train.json"), "[1,");
    await writeFile(join(beside, "latin.json"), Uint8Array.of(0x22, 0xe9, 0x22));
    const config = configAt(join(beside, "models.json"));
    await expect(config.readJson(local("train.json"))).rejects.toThrow(`${join(beside, "train.json")} is not JSON`);
    await expect(config.readJson(local("latin.json"))).rejects.toThrow(`${join(beside, "latin.json")}: is not UTF-8`);
  });
});
