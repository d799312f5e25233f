import { writeFileSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { openSource } from "../../src/files/open.js";
import type { OpenAiClipOptions } from "../../src/models/clip/openai-options.js";
import type { Arena } from "../../src/tensor/arena.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import {
  bareSave,
  clipShapes,
  decoderShapes,
  priorShapes,
  priorTrainerSave,
  randomWeights,
  trackerSave,
  type Shapes,
  type StateDict,
} from "./build-checkpoint.js";
import { fixtureFolder } from "./golden.js";
import { narrowConfig, wholeConfig, type ModelConfig } from "./narrow-config.js";
import { writeSparse } from "./sparse-file.js";
import { writable } from "./writable.js";
import { hole, sparseTorchZip, TestTensor, torchZip, type TestTree } from "./torch-file.js";

/** How a published checkpoint was made: its train config (configs/laion/train), by which version, saved how. */
interface Published {
  readonly train: string;
  /** Known from the file or from who published it, else one of those that agree with its names and its date. */
  readonly version: string;
  readonly save: "bare" | "bare with CLIP" | "tracker" | "prior trainer";
}

const HUB = "https://huggingface.co/";

const PUBLISHED: Readonly<Record<string, Published>> = {
  "laion/DALLE2-PyTorch/resolve/main/decoder/v1.0.2/latest.pth": {
    train: "decoder-v1.0.2",
    version: "1.1.0",
    save: "tracker",
  },
  "laion/DALLE2-PyTorch/resolve/main/prior/latest.pth": { train: "prior", version: "0.23.4", save: "bare with CLIP" },
  "Veldrovive/upsamplers/resolve/main/working/latest.pth": {
    train: "upsampler.assumed",
    version: "0.26.0",
    save: "bare",
  },
  "laion/DALLE2-PyTorch/resolve/main/decoder/1.5B/latest.pth": {
    train: "decoder-1.5B",
    version: "0.15.4",
    save: "bare with CLIP",
  },
  "laion/DALLE2-PyTorch/resolve/main/decoder/1.5B_laion2B/latest.pth": {
    train: "decoder-1.5B",
    version: "0.15.4",
    save: "bare with CLIP",
  },
  "Veldrovive/DA-VINC-E/resolve/main/text_conditioned_epoch_34.pth": {
    train: "da-vinc-e",
    version: "0.11.5",
    save: "bare",
  },
  "zenglishuci/conditioned-prior/resolve/main/vit-l-14/prior_aes_finetune.pth": {
    train: "prior-aes-finetune",
    version: "0.11.5",
    save: "prior trainer",
  },
  "nousr/conditioned-prior/resolve/main/vit-l-14/aesthetic/best.pth": {
    train: "prior-aesthetic",
    version: "0.19.6",
    save: "bare with CLIP",
  },
  "laion/DALLE2-PyTorch/resolve/main/decoder/2B/checkpoints/latest.pth": {
    train: "decoder-2B.assumed",
    version: "1.1.0",
    save: "tracker",
  },
  "laion/DALLE2-PyTorch/resolve/main/decoder/2.4B_fp16/checkpoints/latest.pth": {
    train: "decoder-2B.assumed",
    version: "1.2.2",
    save: "tracker",
  },
  "laion/DALLE2-PyTorch/resolve/main/decoder/3B_fp16/checkpoints/latest.pth": {
    train: "decoder-3B-fp16.assumed",
    version: "1.4.2",
    save: "tracker",
  },
  "nousr/dalle2-pytorch/resolve/main/decoder/latest.pth": {
    train: "nousr-vit-h-14.assumed",
    version: "1.11.4",
    save: "tracker",
  },
  "laion/DALLE2-PyTorch/resolve/main/upsampler/1024/v1.0.3/latest.pth": {
    train: "upsampler-1024.assumed",
    version: "1.6.4",
    save: "tracker",
  },
};

const CONFIGS = fileURLToPath(new URL("../../configs/laion", import.meta.url));

/** A CLIP of OpenAI's architecture, as narrow as the models that are built here. */
const CLIP_FILE = join(fixtureFolder("pipeline"), "clip.safetensors");

/** Files that stand for a published checkpoint and the train config beside it. */
interface Built {
  readonly model: string;
  readonly config: string;
}

export interface LoadConfigOptions {
  /** The version to say beside a checkpoint, given the one that made it. Default: none but the load config's own. */
  readonly version?: (made: string) => string;
}

/**
 * How the files are built: with random weights of narrow models, which run; or as large as the published ones, whose
 * headers alone are of use: their weights are holes, which take no room on the disk.
 */
type Size = "narrow" | "published";

/** Stands in for the published files: each is built once, in `folder`. */
export class LaionFiles {
  readonly #built = new Map<string, Promise<Built>>();

  constructor(
    private readonly folder: string,
    private readonly arena: Arena,
    private readonly size: Size = "narrow",
  ) {}

  /** A load config of configs/laion, with the built files for the published ones. */
  async loadConfig(name: string, { version: say }: LoadConfigOptions = {}): Promise<ModelLoadConfig> {
    const path = join(CONFIGS, `${name}.json`);
    const data = writable((await ModelLoadConfig.fromJsonPath(path)).data);
    const sources = [...(data.decoder?.unet_sources ?? []), ...(data.prior ? [data.prior] : [])];
    const saves = sources.map(({ load_model_from: file }) => publishedAt(file.path).save);
    for (const source of sources) {
      const { version } = publishedAt(source.load_model_from.path);
      const { model, config } = await this.#file(source.load_model_from.path);
      source.load_model_from = { load_type: "local", path: model };
      if (source.load_config_from) source.load_config_from = { load_type: "local", path: config };
      if (say) Object.assign(source, { version: say(version) });
    }
    // Where none of the files brings a CLIP along, it would be downloaded.
    if (data.clip && !saves.includes("bare with CLIP")) {
      data.clip.load_model_from = { load_type: "local", path: this.#clipFile(data.clip.model) };
    }
    return ModelLoadConfig.parse(data, path);
  }

  #file(url: string): Promise<Built> {
    const known = this.#built.get(url);
    if (known) return known;
    const built = this.#build(publishedAt(url), this.#built.size);
    this.#built.set(url, built);
    return built;
  }

  async #build({ train, version, save }: Published, index: number): Promise<Built> {
    const published: unknown = JSON.parse(await readFile(join(CONFIGS, "train", `${train}.json`), "utf8"));
    const built = this.size === "narrow" ? narrowConfig(published) : wholeConfig(published);
    const model = this.#weights(built, version, 2 * index);
    const config = JSON.stringify(built.config);
    const saved = { model, version, config: JSON.parse(config, asPydantic) as TestTree };
    const trees = {
      bare: () => bareSave(saved),
      "bare with CLIP": async () => bareSave({ ...saved, clip: await this.#clip() }),
      tracker: () => trackerSave(saved),
      "prior trainer": () => priorTrainerSave(saved, this.#weights(built, version, 2 * index + 1)),
    };
    const files = { model: join(this.folder, `${index}.pth`), config: join(this.folder, `${index}.json`) };
    this.#write(files.model, await trees[save]());
    await writeFile(files.config, config);
    return files;
  }

  #write(path: string, tree: TestTree): void {
    if (this.size === "narrow") writeFileSync(path, torchZip(tree));
    else writeSparse(path, sparseTorchZip(tree));
  }

  #weights({ kind, config }: ModelConfig, version: string, seed: number): StateDict {
    const shapes =
      kind === "prior" ? priorShapes(this.arena, config, version) : decoderShapes(this.arena, config, version);
    if (this.size === "published") return holes(shapes);
    const schedules = kind === "prior" ? ["cosine" as const] : config.decoder.unets.map(() => "cosine" as const);
    return randomWeights(shapes, schedules, seed);
  }

  async #clip(): Promise<StateDict> {
    return this.size === "narrow" ? readClip() : holes(clipShapes(this.arena, CLIPS["ViT-L/14"]!));
  }

  #clipFile(model: string): string {
    if (this.size === "narrow") return CLIP_FILE;
    const path = join(this.folder, `${model.replace("/", "-")}.pt`);
    this.#write(path, Object.fromEntries(holes(clipShapes(this.arena, CLIPS[model]!))));
    return path;
  }
}

/** The CLIPs of the load configs: OpenAI's, and LAION's of open_clip. */
const CLIPS: Readonly<Record<string, OpenAiClipOptions>> = {
  "ViT-L/14": vitClip({ embedDim: 768, layers: 24, width: 1024, textLayers: 12, activation: "quickGelu" }),
  "ViT-H-14": vitClip({ embedDim: 1024, layers: 32, width: 1280, textLayers: 24, activation: "gelu" }),
};

function vitClip(size: {
  readonly embedDim: number;
  readonly layers: number;
  readonly width: number;
  readonly textLayers: number;
  readonly activation: "quickGelu" | "gelu";
}): OpenAiClipOptions {
  const { embedDim, layers, width, textLayers, activation } = size;
  const shared = { activation, eps: 1e-5, layerScale: false };
  return {
    embedDim,
    vision: {
      ...shared,
      kind: "vit",
      resolution: 224,
      patchSize: 14,
      width,
      layers,
      heads: 16,
      mlpWidth: 4 * width,
      pooling: "class",
      normBeforePooling: false,
      normPre: true,
    },
    text: {
      ...shared,
      width: embedDim,
      layers: textLayers,
      heads: embedDim / 64,
      mlpWidth: 4 * embedDim,
      causal: true,
      pooling: { kind: "highest" },
      projection: "matrix",
    },
    contextLength: 77,
    vocabSize: 49408,
    imageMean: [0, 0, 0],
    imageStd: [1, 1, 1],
  };
}

function holes(shapes: Shapes): StateDict {
  return new Map([...shapes].map(([name, shape]) => [name, hole(shape)]));
}

function publishedAt(url: string): Published {
  const published = PUBLISHED[url.slice(HUB.length)];
  if (!published || !url.startsWith(HUB)) throw new Error(`no checkpoint is known at ${url}`);
  return published;
}

/** What pydantic made of a config that a tracker stored: `self_attn` was declared a list of int. */
function asPydantic(key: string, value: unknown): unknown {
  return key === "self_attn" && Array.isArray(value) ? value.map(Number) : value;
}

async function readClip(): Promise<StateDict> {
  const checkpoint = await openCheckpoint(await openSource(CLIP_FILE));
  const clip = new Map<string, TestTensor>();
  for (const [name, entry] of checkpoint.tensors) {
    const { dtype, shape } = entry;
    if (dtype !== "F16" && dtype !== "F32") throw new Error(`${name} of the CLIP is ${dtype}`);
    clip.set(name, new TestTensor(shape, { dtype, bytes: await entry.read() }));
  }
  await checkpoint.close();
  return clip;
}
