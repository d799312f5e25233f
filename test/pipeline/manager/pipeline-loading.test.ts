import { copyFile, mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.js";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { shortHash } from "../../../src/files/hash.js";
import { openAiModelUrl } from "../../../src/models/clip/openai-models.js";
import { BasicInference } from "../../../src/pipeline/scripts/basic-inference.js";
import type { LoadingOptions } from "../../../src/pipeline/manager/loading-options.js";
import { DalleModelManager } from "../../../src/pipeline/manager/model-manager.js";
import type { Decoder } from "../../../src/models/dalle2-pytorch/decoder.js";
import type { DiffusionPrior } from "../../../src/models/dalle2-pytorch/diffusion-prior.js";
import { dialectForVersion } from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import type { TensorData } from "../../../src/weights/formats/safetensors.js";
import { WeightError } from "../../../src/weights/weight-error.js";
import { fixtureFolder } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";
import { rewriteCheckpoint, type Rewriting } from "../../support/rewrite.js";

const clipFile = join(fixtureFolder("pipeline"), "clip.safetensors");
const decoderFile = join(fixtureFolder("pipeline"), "decoder.safetensors");
const priorFile = join(fixtureFolder("pipeline"), "prior.pth");
const priorConfig = join(fixtureFolder("pipeline"), "prior_config.json");
const oldPriorFile = join(fixtureFolder("laion-prior"), "model.safetensors");
const oldPriorConfig = join(fixtureFolder("laion-prior"), "config.json");

let folder: string;
const local = (path: string) => ({ load_type: "local", path });
const clipSource = { make: "openai", model: "tiny", load_model_from: local(clipFile) };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "loading-"));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

async function rewritten(from: string, change: Rewriting): Promise<string> {
  const to = join(folder, `${crypto.randomUUID()}.safetensors`);
  await rewriteCheckpoint(from, to, change);
  return to;
}

/** Loads a config, and returns the warnings. */
async function load(config: object, options: LoadingOptions = {}) {
  const warnings: string[] = [];
  const manager = await DalleModelManager.create(ModelLoadConfig.parse(config, join(folder, "load.json")), {
    gpu: await sharedGpu(),
    dtype: "f32",
    ...options,
    onWarning: (message) => warnings.push(message),
  });
  return { manager, warnings };
}

const decoderOf = (path: string, more: object = {}) => ({
  decoder: { unet_sources: [{ unet_numbers: [1, 2], load_model_from: local(path), ...more }] },
});

const networkOf = (version: string) => dialectForVersion(version, { sampler: "fixed" }).network;

describe("a checkpoint without its version", () => {
  it("loads without a warning if its names fit one dialect", async () => {
    const { manager, warnings } = await load(decoderOf(await rewritten(decoderFile, { version: null })));
    using disposed = manager;
    expect(disposed.models.decoder?.origins).toMatchObject([{ dialect: { network: networkOf("1.14.2") } }]);
    expect(warnings).toEqual([]);
  });

  const source = { load_model_from: local(oldPriorFile), load_config_from: local(oldPriorConfig) };

  it("loads in the most likely dialect if several fit, and lists them", async () => {
    const { manager, warnings } = await load({ prior: source });
    using disposed = manager;
    const flags = { lnStable: "finalPrior", relposMult: 128, priorAttn: "scaled", priorCfg: "noop" };
    expect(networkOf("0.26.2")).toMatchObject(flags); // which wrote it
    expect(disposed.models.prior?.origins).toMatchObject([{ dialect: { network: flags } }]);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`${oldPriorFile} does not say which version of DALLE2-pytorch made it`);
    expect(warnings[0]).toContain('1.4.3 to before 1.9.0 (released 2022-07-29): lnStable "finalPrior"');
  });

  it("loads in the dialect of the version in the load config", async () => {
    const { manager, warnings } = await load({ prior: { ...source, version: "1.8.4" } });
    using disposed = manager;
    expect(disposed.models.prior?.origins[0]?.dialect).toMatchObject({ version: "1.8.4", network: networkOf("1.8.4") });
    expect(warnings).toEqual([]);
  });

  it("uses single flags of the load config", async () => {
    const dialect = { priorAttn: "cosine16", relposMult: 1 };
    const { manager, warnings } = await load({ prior: { ...source, dialect } });
    using disposed = manager;
    const network = { ...dialect, priorTextPad: "nullTokens" };
    expect(disposed.models.prior?.origins).toMatchObject([{ dialect: { network } }]);
    expect(warnings).toEqual([]);
    await expect(load({ prior: { ...source, dialect: { relposMult: 2 } } })).rejects.toThrow(
      "dialect.relposMult is 2; it can be 1, 1024, 128",
    );
  });
});

describe("a checkpoint of several models", () => {
  /** A file with the same decoder twice, once in a wrapper, and a loss. */
  const several = async () =>
    rewritten(decoderFile, { tensor: (tensor) => ({ ...tensor, name: `student._orig_mod.${tensor.name}` }) });

  it("loads the model at the key of the load config", async () => {
    const path = await several();
    for (const key of ["student", ["student"], null]) {
      const { manager } = await load(decoderOf(path, { state_dict_key: key }));
      expect(manager.models.decoder?.origins[0]?.dialect?.version).toBe("1.14.2");
      manager.dispose();
    }
    await expect(load(decoderOf(path, { state_dict_key: "teacher" }))).rejects.toThrow(
      /no "teacher" in it; it has the keys student/,
    );
  });
});

it("prefers the version of the load config to that of the checkpoint", async () => {
  const { manager } = await load(decoderOf(decoderFile, { version: "1.14.0" }));
  using disposed = manager;
  expect(disposed.models.decoder?.origins[0]?.dialect?.version).toBe("1.14.0");
});

describe("a checkpoint with three tensors that do not fit", () => {
  /** Options are read from the renamed and the misshapen tensor, among others. */
  const faults = [
    "missing    unets.0.final_resnet_block.block1.norm.weight",
    "missing    unets.0.norm_cond.weight",
    "unused     unets.0.norm_condition.weight",
    "misshapen  unets.0.to_time_hiddens.1.weight: [16, 16] in the file, [32, 8] needed",
  ];

  function spoil(tensor: TensorData): TensorData | null {
    switch (tensor.name) {
      case "unets.0.norm_cond.weight":
        return { ...tensor, name: "unets.0.norm_condition.weight" };
      case "unets.0.final_resnet_block.block1.norm.weight":
        return null;
      case "unets.0.to_time_hiddens.1.weight":
        return { ...tensor, shape: [16, 16] };
      default:
        return tensor;
    }
  }

  it("is rejected with one error that names all of them, and the reason in the config", async () => {
    const error: unknown = await load(decoderOf(await rewritten(decoderFile, { tensor: spoil }))).catch(
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(WeightError);
    const { message } = error as WeightError;
    for (const fault of faults) expect(message).toContain(fault);
    expect(message).toContain("2 missing, 1 unused, 1 misshapen");
    expect(message).toContain("decoder.unets[0].dim: config says 8, to_time_hiddens.1.weight says 16");
  });

  it("runs with strict_loading false, after one warning that lists them", async () => {
    const { manager, warnings } = await load({
      ...decoderOf(await rewritten(decoderFile, { tensor: spoil }), { default_sample_timesteps: [2, 2] }),
      prior: { load_model_from: local(priorFile), load_config_from: local(priorConfig), version: "1.14.2" },
      clip: clipSource,
      strict_loading: false,
    });
    using disposed = manager;
    expect(warnings).toHaveLength(1);
    for (const fault of faults) expect(warnings[0]).toContain(fault);
    const images = await new BasicInference(disposed).run("a red square", { seed: 1, priorSteps: 2 });
    expect(images.get(0)!.get(0)).toMatchObject([{ width: 32, height: 32 }]);
  });
});

it("names a missing tensor that its version must have, though other versions do not", async () => {
  const name = "net.null_text_encodings";
  const path = await rewritten(priorFile, { version: "1.14.2", tensor: (one) => (one.name === name ? null : one) });
  const loading = load({ prior: { load_model_from: local(path), load_config_from: local(priorConfig) } });
  await expect(loading).rejects.toThrow(`1 missing, 0 unused, 0 misshapen.\n  missing    ${name}`);
});

describe("a checkpoint without a config", () => {
  it("names the options that shapes do not show, and no others", async () => {
    const bare = await rewritten(decoderFile, { config: null });
    await expect(load(decoderOf(bare))).rejects.toThrow(
      new ConfigError(
        `${bare} contains no config, and shapes do not determine decoder.image_sizes. Put them into a JSON file and name it as load_config_from in ${join(folder, "load.json")}; the other options are read from the weights.`,
      ),
    );
    const rest = join(folder, "rest.json");
    await writeFile(rest, JSON.stringify({ decoder: { image_sizes: [16, 32], unets: [{ resnet_groups: 4 }] } }));
    const { manager } = await load(decoderOf(bare, { load_config_from: local(rest) }));
    using disposed = manager;
    expect(disposed.models.decoder?.model.stages.map(({ info }) => info.imageSize)).toEqual([16, 32]);
    const { unet } = (disposed.models.decoder?.model as Decoder).stages[0]!.stage;
    expect(unet).toMatchObject({ dim: 8, dimMults: [1, 2], condDim: 16 });
  });

  it("needs none for a prior", async () => {
    const { manager } = await load({ prior: { load_model_from: local(priorFile) } });
    using disposed = manager;
    expect((disposed.models.prior?.model as DiffusionPrior).options.net).toMatchObject({
      dim: 32,
      depth: 2,
      heads: 2,
      maxTextLen: 77,
    });
  });
});

it("rejects a decoder in place of a prior", async () => {
  await expect(load({ prior: { load_model_from: local(decoderFile) } })).rejects.toThrow(
    "as a prior, but that holds a decoder",
  );
});

describe("a CLIP without a file", () => {
  const named = { make: "openai", model: "ViT-B/32" };
  const { url, sha256 } = openAiModelUrl("ViT-B/32");
  const offline = () => Promise.reject(new Error("nothing is to be fetched"));

  it("is the one in the checkpoint of the prior", async () => {
    const path = await rewritten(priorFile, { clip: clipFile });
    const prior = { load_model_from: local(path), load_config_from: local(priorConfig), version: "1.14.2" };
    const bundled = await load({ prior, clip: named }, { fetch: offline });
    const apart = await load({ prior, clip: clipSource });
    using first = bundled.manager;
    using second = apart.manager;
    const tokens = [Int32Array.of(49406, 736, 2866, 49407)];
    expect(await first.encodeTexts(tokens)).toEqual(await second.encodeTexts(tokens));
  });

  it("is read from the cache if it was downloaded before", async () => {
    const cacheFolder = join(folder, "cache");
    await mkdir(cacheFolder);
    const path = join(cacheFolder, `${shortHash(url)}-ViT-B-32.pt`);
    await copyFile(clipFile, path);
    const { size, mtimeMs: modified } = await stat(path);
    await writeFile(`${path}.record.json`, JSON.stringify({ url, size, modified, sha256 }));
    const cached = await load({ clip: named }, { cacheFolder, fetch: offline });
    using disposed = cached.manager;
    expect(disposed.models.clip?.model.text?.contextLength).toBe(77);
  });

  it("is downloaded from OpenAI, and rejected if it is another file", async () => {
    const cacheFolder = join(folder, "empty");
    const fetched: string[] = [];
    const fetch = (address: unknown, init?: RequestInit): Promise<Response> => {
      fetched.push(String(address));
      const body = "x".repeat(new Headers(init?.headers).get("range") === "bytes=0-0" ? 1 : 5);
      const headers = { "Content-Range": `bytes 0-${body.length - 1}/5` };
      return Promise.resolve(new Response(body, { status: 206, headers }));
    };
    await expect(load({ clip: named }, { cacheFolder, fetch })).rejects.toThrow(
      /its SHA-256 is [0-9a-f]{64}, not 40d36571/,
    );
    expect(fetched).toEqual([url, url]);
    expect(await readdir(cacheFolder)).toEqual([]);
  });
});
