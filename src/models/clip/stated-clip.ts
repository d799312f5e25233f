/** Converts a CLIP's published config, with the terms of open_clip or of the transformers library, to our terms. */
import type { OpenAiClipConfig } from "./config/clip-config.js";
import type { OpenClipModelConfig } from "./config/open-clip-config.js";
import type { HiddenAct, TransformersTextConfig, TransformersVisionConfig } from "./config/transformers-clip-config.js";
import type { Activation } from "../../ops/activation.js";
import type { TextPooling, ViTPooling } from "./openai-options.js";

/** Facts about an encoder that shapes do not tell. Undefined: nothing is stated, and the usual value holds. */
export interface StatedEncoder {
  readonly activation: Activation;
  /** Epsilon of its layer norms. */
  readonly eps: number;
  readonly heads: number | undefined;
}

export interface StatedText extends StatedEncoder {
  readonly causal: boolean;
  readonly pooling: TextPooling;
  /** False if the pooled token is the embedding itself. */
  readonly hasProjection: boolean;
  /** True if the projection has a bias; undefined if the names of its tensors tell. */
  readonly projectionBias: boolean | undefined;
}

export interface StatedVision extends StatedEncoder {
  /** Channels of each head. */
  readonly headWidth: number | undefined;
  readonly pooling: ViTPooling;
  readonly normBeforePooling: boolean;
  readonly normPre: boolean;
  /** Side of the image in pixels. */
  readonly imageSize: number | undefined;
}

export interface StatedClip {
  readonly text: StatedText;
  readonly vision: StatedVision;
  readonly imageMean: readonly number[];
  readonly imageStd: readonly number[];
}

const OPENAI_MEAN = [0.48145466, 0.4578275, 0.40821073];
const OPENAI_STD = [0.26862954, 0.26130258, 0.27577711];

/** torch's default. */
const NORM_EPS = 1e-5;

/** Defaults of a config of the transformers library (`CLIPTextConfig` and `CLIPVisionConfig`, 4.x). */
export const TRANSFORMERS = {
  activation: "quick_gelu",
  textHeads: 8,
  visionHeads: 12,
  endToken: 49407,
} as const;

/** The `eos_token_id` of configs from before 4.31, which is wrong: the highest token is pooled, as in OpenAI's code. */
const LEGACY_END_TOKEN = 2;

/** Defaults of an open_clip config that states the width of the encoder (`CLIPTextCfg`, `CLIPVisionCfg`). */
const OPEN_CLIP = { textHeads: 8, headWidth: 64, endToken: 2 } as const;

const ACTIVATIONS: Readonly<Record<HiddenAct, Activation>> = {
  quick_gelu: "quickGelu",
  gelu: "gelu",
  gelu_python: "gelu",
  gelu_new: "geluTanh",
  gelu_pytorch_tanh: "geluTanh",
  gelu_python_tanh: "geluTanh",
  gelu_fast: "geluTanh",
  gelu_accurate: "geluTanh",
  relu: "relu",
  silu: "silu",
  swish: "silu",
  linear: "none",
};

/** The facts in a config. `usual` is the activation if the config does not state one. */
export function statedBy(config: OpenAiClipConfig, usual: "quickGelu" | "gelu"): StatedClip {
  const model = openClipPart(config);
  // A config of open_clip that states no activation means the default, the exact GELU.
  const activation = (model.quick_gelu ?? (!config.model_cfg && usual === "quickGelu")) ? "quickGelu" : "gelu";
  const text = transformersText(config);
  const vision = transformersVision(config);
  return {
    text: text ? textOfTransformers(text) : textOfOpenClip(model, activation),
    vision: vision ? visionOfTransformers(vision) : visionOfOpenClip(model, activation),
    imageMean: config.preprocess_cfg?.mean ?? OPENAI_MEAN,
    imageStd: config.preprocess_cfg?.std ?? OPENAI_STD,
  };
}

/** The part for open_clip: the config itself, or the part beside the preprocessing. */
export function openClipPart(config: OpenAiClipConfig): OpenClipModelConfig {
  return config.model_cfg ?? config;
}

/** The result of `text_config` and `text_config_dict` in the transformers library. Defaults of the second count too. */
export function transformersText(config: OpenAiClipConfig): TransformersTextConfig | undefined {
  const { text_config: given, text_config_dict: winning } = config;
  if (!winning) return given;
  const defaults = {
    hidden_act: TRANSFORMERS.activation,
    layer_norm_eps: NORM_EPS,
    num_attention_heads: TRANSFORMERS.textHeads,
    eos_token_id: TRANSFORMERS.endToken,
  };
  return { ...given, ...defaults, ...winning };
}

/** The same for the image encoder. */
export function transformersVision(config: OpenAiClipConfig): TransformersVisionConfig | undefined {
  const { vision_config: given, vision_config_dict: winning } = config;
  if (!winning) return given;
  const defaults = {
    hidden_act: TRANSFORMERS.activation,
    layer_norm_eps: NORM_EPS,
    num_attention_heads: TRANSFORMERS.visionHeads,
  };
  return { ...given, ...defaults, ...winning };
}

/** The facts in a config of the transformers library's text encoder. */
export function textOfTransformers(config: TransformersTextConfig): StatedText {
  const endToken = config.eos_token_id ?? TRANSFORMERS.endToken;
  return {
    activation: ACTIVATIONS[config.hidden_act ?? TRANSFORMERS.activation],
    eps: config.layer_norm_eps ?? NORM_EPS,
    heads: config.num_attention_heads ?? (config.hidden_size && TRANSFORMERS.textHeads),
    causal: true,
    pooling: endToken === LEGACY_END_TOKEN ? { kind: "highest" } : { kind: "token", token: endToken },
    hasProjection: true,
    projectionBias: undefined,
  };
}

/** The same for its image encoder. */
export function visionOfTransformers(config: TransformersVisionConfig): StatedVision {
  return {
    activation: ACTIVATIONS[config.hidden_act ?? TRANSFORMERS.activation],
    eps: config.layer_norm_eps ?? NORM_EPS,
    heads: config.num_attention_heads ?? (config.hidden_size && TRANSFORMERS.visionHeads),
    headWidth: undefined,
    pooling: "class",
    normBeforePooling: false,
    normPre: true,
    imageSize: config.image_size,
  };
}

function textOfOpenClip({ text_cfg: text = {} }: OpenClipModelConfig, activation: Activation): StatedText {
  return {
    activation: text.act_kwargs?.approximate === "tanh" ? "geluTanh" : activation,
    eps: text.norm_kwargs?.eps ?? NORM_EPS,
    heads: text.heads ?? (text.width && OPEN_CLIP.textHeads),
    causal: text.no_causal_mask !== true,
    pooling: textPooling(text),
    hasProjection: text.proj_type !== "none",
    projectionBias: text.proj_bias,
  };
}

/** @see https://github.com/mlfoundations/open_clip/blob/30573618fc375b12f094ef64cb3a1391cf611c45/src/open_clip/transformer.py#L921-L944 */
function textPooling(text: NonNullable<OpenClipModelConfig["text_cfg"]>): TextPooling {
  switch (text.pool_type) {
    case "first":
    case "last":
      return { kind: text.pool_type };
    case "eos":
      return { kind: "token", token: text.eos_id ?? OPEN_CLIP.endToken };
    default:
      return { kind: "highest" };
  }
}

function visionOfOpenClip({ vision_cfg: vision = {} }: OpenClipModelConfig, activation: Activation): StatedVision {
  // Versions with `global_average_pool` norm after pooling; later ones norm first by default.
  const pooling = vision.global_average_pool ? "all" : vision.pool_type === "avg" ? "patches" : "class";
  return {
    activation: vision.act_kwargs?.approximate === "tanh" ? "geluTanh" : activation,
    eps: vision.norm_kwargs?.eps ?? NORM_EPS,
    heads: undefined,
    headWidth: vision.head_width ?? (vision.width && OPEN_CLIP.headWidth),
    pooling,
    normBeforePooling: pooling === "patches" && vision.final_ln_after_pool !== true,
    normPre: vision.no_ln_pre !== true,
    imageSize: sideOf(vision.image_size),
  };
}

/** The side of a square; undefined for other shapes, which `contradictions` refuses. */
function sideOf(size: number | readonly [number, number] | undefined): number | undefined {
  if (typeof size !== "object") return size;
  return size[0] === size[1] ? size[0] : undefined;
}
