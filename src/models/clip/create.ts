import type { AdapterConfig } from "./config/adapter-config.js";
import { cocaConfig, openAiClipConfig, xClipConfig } from "./config/clip-config.js";
import { formatPath, parseConfig } from "../../config/config-error.js";
import type { Arena } from "../../tensor/arena.js";
import type { TensorSource } from "../../weights/tensor-source.js";
import { WeightSet } from "../../weights/weight-set.js";
import { WeightStore } from "../../weights/weight-store.js";
import type { ClipModel, ClipWeights } from "./clip-model.js";
import { Coca } from "./coca.js";
import { guessesQuickGelu, inferOpenAiClip } from "./infer-openai.js";
import { OpenAiClip } from "./openai.js";
import { CURRENT_CLIP_DIALECT, type ClipDialect } from "./text-mask.js";
import { withOpenAiNames } from "./transformers-names.js";
import { XClip } from "./x-clip.js";

/** Which CLIP a file contains (`clip` of a load config, the reference's AdapterConfig). */
export interface ClipConfig extends Pick<AdapterConfig, "make" | "model" | "base_model_kwargs"> {
  /** Where `base_model_kwargs` were read, for messages. Default: the name of the CLIP. */
  readonly kwargsPlace?: ConfigPlace | undefined;
}

/** A file, and the path of a value in it. */
export interface ConfigPlace {
  readonly file: string;
  readonly path: readonly string[];
}

/** A CLIP whose weights are declared: a store for each encoder; both share the file. */
export interface DeclaredClip {
  readonly clip: ClipModel;
  readonly text: WeightStore;
  readonly image: WeightStore;
  /** Both stores. */
  readonly weights: WeightSet;
  /** Assumptions that neither the file nor the config settles. */
  readonly warnings: readonly string[];
}

/**
 * Builds the CLIP in a file. Its checkpoint must stay open as long as it embeds texts, because embeddings of tokens are read
 * on demand. Throws `ConfigError` if `base_model_kwargs` does not fit its make, `WeightError` or `UnsupportedError` if the
 * file contains another kind of model.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/680dfc4d93b70f9ab23c814a22ca18017a738ef6/dalle2_pytorch/train_configs.py#L115-L132
 */
export function createClip(
  config: ClipConfig,
  source: TensorSource,
  arena: Arena,
  dialect: ClipDialect = CURRENT_CLIP_DIALECT,
): DeclaredClip {
  const names = config.make === "openai" || config.make === "open_clip" ? withOpenAiNames(source) : source;
  const [text, image] = [new WeightStore(arena, names), new WeightStore(arena, names)];
  const weights = new WeightSet([text, image]);
  try {
    const clip = declare(config, { text: text.root, image: image.root }, dialect);
    return { clip, text, image, weights, warnings: activationWarnings(config, names, source) };
  } catch (error) {
    weights.dispose();
    throw error;
  }
}

function activationWarnings(
  { make, base_model_kwargs: kwargs }: ClipConfig,
  renamed: TensorSource,
  { tensors }: TensorSource,
): string[] {
  if (!tensors.has("text_model.final_layer_norm.weight")) return [];
  if (make !== "openai" || !guessesQuickGelu(renamed, openAiClipConfig.parse(kwargs ?? {}))) return [];
  return [
    `${renamed.name} has the names of the transformers library, which both OpenAI's CLIPs (quick GELU, assumed) and ` +
      `LAION's (exact GELU) have. For one of LAION's, set "make": "open_clip", or give its config.json as base_model_kwargs.`,
  ];
}

function declare(config: ClipConfig, weights: ClipWeights, dialect: ClipDialect): ClipModel {
  const kwargs = config.base_model_kwargs ?? {};
  const { file, path } = config.kwargsPlace ?? {
    file: `base_model_kwargs of the CLIP "${config.model}" (${config.make})`,
    path: [],
  };
  switch (config.make) {
    case "openai":
    case "open_clip": {
      const published = parseConfig(openAiClipConfig, kwargs, file, path);
      const place = [file, ...(path.length > 0 ? [formatPath(path)] : [])].join(": ");
      const options = inferOpenAiClip(weights.text.store.source, config, published, place);
      return new OpenAiClip(weights, options, dialect);
    }
    case "x-clip":
      return new XClip(weights, parseConfig(xClipConfig, kwargs, file, path), dialect);
    case "coca":
      return new Coca(weights, parseConfig(cocaConfig, kwargs, file, path), dialect);
  }
}
