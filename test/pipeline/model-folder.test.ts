// Folders with all models of a pipeline, from every place, as the pipeline of a load config.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { ConfigError } from "../../src/config/config-error.js";
import { toPlanes } from "../../src/image/image.js";
import { registerFamily } from "../../src/models/families.js";
import { ModelLoadConfig, type ConfigLocation } from "../../src/pipeline/load-config.js";
import { planMemory } from "../../src/pipeline/manager/memory-plan.js";
import { DalleModelManager, type ManagerOptions } from "../../src/pipeline/manager/model-manager.js";
import { identifyModels } from "../../src/pipeline/records/model-identity.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { dropAfter, FaultServer } from "../support/fault-server.js";
import { folderHandle, pickedFiles } from "../support/folder-handle.js";
import { sharedGpu } from "../support/gpu.js";
import { serveRepository } from "../support/hub-server.js";
import { toyFamily } from "../support/toy-family.js";
import { TEN_LETTERS, toyPipeline, writeFiles, type ToyStorage } from "../support/toy-pipeline.js";

const root = await mkdtemp(join(tmpdir(), "model-folder-"));
const before = process.cwd();
let unregister: () => void;
let server: FaultServer;
let warnings: string[];
let cacheFolder: string;
let count = 0;

beforeAll(() => {
  unregister = registerFamily(toyFamily);
});

afterAll(async () => {
  unregister();
  await rm(root, { recursive: true });
});

beforeEach(async () => {
  server = await FaultServer.start();
  vi.stubEnv("HF_ENDPOINT", server.url());
  vi.stubEnv("HF_HUB_CACHE", join(root, "none"));
  warnings = [];
  cacheFolder = join(root, `cache-${++count}`);
  vi.stubEnv("DALLE2_CACHE", cacheFolder);
});

afterEach(async () => {
  process.chdir(before);
  vi.unstubAllEnvs();
  await server.close();
});

async function options(more: ManagerOptions = {}): Promise<ManagerOptions> {
  const onWarning = (warning: string): void => void warnings.push(warning);
  const patience = { attempts: 2, pause: 1, stall: 2000 };
  return { gpu: await sharedGpu(), cacheFolder, onWarning, patience, ...more };
}

/** Generates an image of ten letters, and checks its pixels. */
async function generate(config: ModelLoadConfig | ConfigLocation, more: ManagerOptions = {}): Promise<void> {
  using manager = await DalleModelManager.create(config, await options(more));
  const images = await new BasicInference(manager).run("ten letter", { seed: 1 });
  const planes = toPlanes(images.get(0)!.get(0)![0]!);
  const pixels = planes.length / 3;
  for (const [channel, value] of TEN_LETTERS.entries()) {
    expect(Math.abs(planes[channel * pixels]! - value)).toBeLessThan(1 / 255);
  }
}

async function localFolder(storage: ToyStorage = "safetensors"): Promise<string> {
  const folder = join(root, `toy-${++count}`);
  await writeFiles(folder, await toyPipeline(storage));
  return folder;
}

/** The paths of the weights that a server was asked for. */
const weightsAskedFor = (): readonly string[] => [
  ...new Set(server.requests.map(({ path }) => path).filter((path) => /resolve.*\.(?:safetensors|bin)$/.test(path))),
];

describe("a folder that a user of a page picked or dropped", () => {
  it.each(["safetensors", "bin", "fp16", "shards"] as const)("runs with its weights as %s", async (storage) => {
    await generate(folderHandle("toy", await toyPipeline(storage)));
  });

  it("is a list, or lies in another folder, where a load config may name it", async () => {
    const files = await toyPipeline();
    await generate(pickedFiles("toy", files));
    const outer = new Map([...files].map(([path, content]) => [`toy/${path}`, content]));
    const folder = folderHandle("outer", outer);
    await generate({ folder, path: "toy" });
    await generate({ folder, path: "toy/model_index.json" });
    for (const path of ["toy", "./toy/model_index.json"]) {
      await generate(ModelLoadConfig.parse({ pipeline: { load_type: "local", path } }, folder));
      const from = { load_model_from: { load_type: "local", path } };
      const entries = { prior: from, decoder: { unet_sources: [{ ...from, unet_numbers: [1, 2] }] }, clip: from };
      await generate(ModelLoadConfig.parse(entries, folder));
    }
    expect(warnings).toEqual([]);
  });

  it("has a name, and identities of its weights", async () => {
    const config = await ModelLoadConfig.open(folderHandle("toy", await toyPipeline()));
    expect(config.source).toBe("toy");
    using manager = await DalleModelManager.create(config, await options());
    expect(manager.clip).toMatchObject({ make: "transformers", model: "toy" });
    const files = await identifyModels(config, { prefersF16: false });
    expect(files.map(({ name }) => name)).toContain("text_encoder/model.safetensors");
  });
});

describe("a folder on this machine", () => {
  it.each(["safetensors", "bin", "fp16", "shards"] as const)("runs with its weights as %s", async (storage) => {
    await generate(await localFolder(storage));
  });

  it("is named by its path, by its index, or in a load config relative to it", async () => {
    const folder = await localFolder();
    await generate(join(folder, "model_index.json"));
    const config = { pipeline: { load_type: "local", path: folder.slice(root.length + 1) } };
    await generate(ModelLoadConfig.parse(config, join(root, "models.json")));
    process.chdir(root);
    await generate(ModelLoadConfig.parse(config, join(root, "elsewhere", "models.json")));
    expect(warnings.at(-1)).toContain("so it is read from the working directory");
  });

  it("wins over a repository of the same name", async () => {
    await writeFiles(join(root, "org", "name"), await toyPipeline());
    process.chdir(root);
    await generate("org/name");
    expect(server.requests).toEqual([]);
  });

  it("is described, counted and identified by the weights that are read", async () => {
    const folder = await localFolder();
    const config = await ModelLoadConfig.open(folder);
    expect(config.source).toBe(folder);
    expect(config.files()).toEqual([{ place: "pipeline", file: { load_type: "local", path: folder } }]);
    using manager = await DalleModelManager.create(config, await options());
    expect(manager.clip).toMatchObject({ make: "transformers", model: folder, imageSize: undefined });
    expect(manager.prior).toMatchObject({ family: "toys" });
    expect(manager.decoder?.unets).toHaveLength(2);
    const { components } = await planMemory(config, { dtype: "f32", batchSize: 1 });
    expect(components.map(({ name }) => name)).toEqual([
      "CLIP's text encoder",
      "the toy's prior",
      "the toy's first network",
      "the toy's last network",
    ]);
    const files = await identifyModels(config, { prefersF16: false });
    expect(files.map(({ name }) => name)).toEqual([
      "prior/diffusion_pytorch_model.safetensors",
      "decoder/diffusion_pytorch_model.safetensors",
      "text_encoder/model.safetensors",
    ]);
    for (const { fingerprint } of files) expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
  });

  it("gives single models, by load_model_from", async () => {
    const path = await localFolder();
    const from = { load_model_from: { load_type: "local", path } };
    const entries = { prior: from, decoder: { unet_sources: [{ ...from, unet_numbers: [1, 2] }] }, clip: from };
    await generate(ModelLoadConfig.parse(entries));
    const config = ModelLoadConfig.parse({ prior: from });
    using manager = await DalleModelManager.create(config, await options());
    expect([manager.prior?.family, manager.decoder, manager.clip]).toEqual(["toys", undefined, undefined]);
    const [file, ...others] = await identifyModels(config, { prefersF16: false });
    expect([file?.name, others]).toEqual(["prior/diffusion_pytorch_model.safetensors", []]);
  });

  it("refuses keys that are for files", async () => {
    const from = { load_model_from: { load_type: "local", path: await localFolder() } };
    const error = (config: object) => generate(ModelLoadConfig.parse(config));
    await expect(error({ prior: { ...from, state_dict_key: "a" } })).rejects.toThrow(
      /has state_dict_key for the prior/,
    );
    await expect(error({ prior: { ...from, weights: "ema" } })).rejects.toThrow(/has weights for the prior/);
    await expect(error({ clip: { ...from, base_model_kwargs: {} } })).rejects.toThrow(/has clip.base_model_kwargs/);
  });

  it("has all models: a pipeline has no others beside it", () => {
    const pipeline = { load_type: "local", path: "x" };
    const source = { load_model_from: { load_type: "local", path: "y" } };
    const parse = (more: object) => () => ModelLoadConfig.parse({ pipeline, ...more }, "models.json");
    expect(parse({ prior: source })).toThrow(ConfigError);
    expect(parse({ prior: source })).toThrow(/prior: cannot be given beside pipeline, whose folder has all models/);
    expect(parse({ clip: {} })).toThrow(/clip: cannot be given beside pipeline/);
    expect(parse({ clip: null })).not.toThrow();
  });
});

describe("a repository on the hub", () => {
  it.each([true, false])("runs by its id, with a list of files: %s", async (hasApi) => {
    serveRepository(server, { id: "some/toy", licence: "mit", files: await toyPipeline(), hasApi });
    await generate("some/toy");
    expect(weightsAskedFor().filter((path) => !/\/(?:prior|decoder|text_encoder)\//.test(path))).toEqual([]);
    expect(weightsAskedFor().filter((path) => path.endsWith(".bin"))).toEqual([]);
    const size = warnings.find((warning) => warning.startsWith("some/toy: "));
    expect(size).toMatch(
      hasApi ? /^some\/toy: \d+ bytes to download, licence mit$/ : /^some\/toy: \d+ bytes to download$/,
    );
    expect(warnings.filter((warning) => warning.includes("to download"))).toHaveLength(1);
    warnings = [];
    await generate("some/toy");
    expect(warnings).toEqual([]);
    await server.close();
    await generate("some/toy");
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain("Could not check for a newer version");
    server = await FaultServer.start();
  });

  it("does not wait again for a server that is gone, for files that it never had", async () => {
    serveRepository(server, { id: "some/toy", files: await toyPipeline("fp16"), hasApi: false });
    await generate("some/toy");
    warnings = [];
    await server.close();
    await generate("some/toy");
    expect(warnings).toEqual([expect.stringContaining("Could not check for a newer version")]);
    server = await FaultServer.start();
  });

  it.each(["bin", "fp16", "shards"] as const)("runs with its weights as %s", async (storage) => {
    serveRepository(server, { id: "some/toy", revision: "v1", files: await toyPipeline(storage) });
    await generate("some/toy@v1");
    await generate(server.url("/some/toy/tree/v1"));
  });

  it("goes on with its download after a break", async () => {
    serveRepository(server, { id: "some/toy", files: await toyPipeline() });
    server.choose = (_, path) => (path.includes("text_encoder/model") ? dropAfter(10) : undefined);
    await expect(generate("some/toy")).rejects.toThrow("text_encoder/model.safetensors");
    server.choose = () => undefined;
    const start = server.requests.length;
    await generate("some/toy");
    const asked = server.requests.slice(start).map(({ path }) => path);
    expect(asked.filter((path) => path.endsWith(".safetensors"))).toEqual(
      expect.arrayContaining(["/some/toy/resolve/main/text_encoder/model.safetensors"]),
    );
    expect(asked.some((path) => path.includes("prior/diffusion"))).toBe(false);
  });

  it("reads f16 files for f16, where both are there, and only headers for a memory plan", async () => {
    const files = new Map([...(await toyPipeline()), ...(await toyPipeline("fp16"))]);
    serveRepository(server, { id: "some/toy", files });
    const config = await ModelLoadConfig.open("some/toy");
    await planMemory(config, { dtype: "f16", batchSize: 1, onWarning: () => undefined });
    expect(weightsAskedFor().every((path) => path.includes(".fp16."))).toBe(true);
    expect(await readdir(cacheFolder).catch(() => [])).toEqual([]);
  });

  it("is read from the cache of Hugging Face's libraries if all that is needed is there", async () => {
    const cache = join(root, `hub-${++count}`);
    const commit = "0123456789012345678901234567890123456789";
    const snapshot = join(cache, "models--some--toy", "snapshots", commit);
    const files = await toyPipeline();
    const ref = new Map([["main", Buffer.from(commit)]]);
    await writeFiles(join(cache, "models--some--toy", "refs"), ref);
    await writeFiles(snapshot, files);
    vi.stubEnv("HF_HUB_CACHE", cache);
    await generate("some/toy");
    expect(server.requests).toEqual([]);
    await generate(join(cache, "models--some--toy"));
    await rm(join(snapshot, "prior"), { recursive: true });
    serveRepository(server, { id: "some/toy", files });
    await generate("some/toy");
    expect(weightsAskedFor()).not.toEqual([]);
  });

  it("that does not exist is an error that says what a name can be", async () => {
    await expect(generate("some/toi")).rejects.toThrow(
      /^some\/toi: the hub has no repository of models with this id, or refuses access; check the spelling;.*\.\/some\/toi/,
    );
    await expect(generate("some/toi@v2")).rejects.toThrow(
      /^some\/toi@v2: the hub has no repository of models with this id and revision, or refuses access;/,
    );
    serveRepository(server, { id: "some/files", files: new Map([["README.md", Buffer.from("")]]) });
    await expect(generate("some/files")).rejects.toThrow(
      "some/files: is not a folder of models: it has no model_index.json",
    );
    await server.close();
    await expect(generate("some/other")).rejects.toThrow(
      /^some\/other: was not downloaded before, and the hub cannot be asked: the server could not be reached/,
    );
    server = await FaultServer.start();
  });
});

describe("a folder on any server", () => {
  it("runs by its URL", async () => {
    vi.stubEnv("HF_ENDPOINT", "");
    for (const [path, content] of await toyPipeline()) {
      server.files.set(`/sets/toy/${path}`, { content, etag: `"${content.length}"` });
    }
    await generate(server.url("/sets/toy"));
    await generate(server.url("/sets/toy/model_index.json"));
    const config = { pipeline: { load_type: "url", path: server.url("/sets/toy/"), cache_dir: "models" } };
    await generate(ModelLoadConfig.parse(config, join(root, "models.json")));
    const kept = await readdir(join(root, "models"));
    expect(kept.filter((name) => name.endsWith(".safetensors"))).toHaveLength(3);
  });

  it("is named by a load config beside it", async () => {
    vi.stubEnv("HF_ENDPOINT", "");
    for (const [path, content] of await toyPipeline()) server.files.set(`/sets/toy/${path}`, { content });
    const config = JSON.stringify({ pipeline: { load_type: "local", path: "toy" } });
    server.files.set("/sets/models.json", { content: Buffer.from(config) });
    await generate(server.url("/sets/models.json"));
  });
});
