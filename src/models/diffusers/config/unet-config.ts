import * as z from "zod/mini";
import { only } from "../../../config/known-keys.js";
import { count } from "./component-schema.js";

/** Every option that both kinds of U-Net have. */
export interface UnetOptions {
  /** Side of its square images in pixels; undefined: any. */
  readonly sampleSize: number | undefined;
  readonly channelsIn: number;
  readonly channelsOut: number;
  /** Channels of each resolution, from the largest. */
  readonly widths: readonly number[];
  /** Residual blocks of each resolution on the way down; there is one more on the way up. */
  readonly layers: readonly number[];
  /** Groups and eps of the group norms. */
  readonly groups: number;
  readonly eps: number;
  /** Width of the time embedding. */
  readonly timeDim: number;
  readonly timeFeatures: TimeFeatureOptions;
  /** Whether the time scales and shifts the second norm of a residual block. Otherwise it is added before that norm. */
  readonly scaleShift: boolean;
  /** Whether images are [0, 1] outside and [-1, 1] inside. */
  readonly centersInput: boolean;
}

/** Every option of a U-Net with a context. */
export interface ContextUnetOptions extends UnetOptions {
  /**
   * Channels of the sample that it denoises. The input may have more behind them; the prediction has as many or, with a learned
   * variance, twice as many.
   */
  readonly sampleChannels: number;
  /** Width of the context. */
  readonly contextDim: number;
  /** Whether residual blocks use the time embedding as it is, without SiLU. */
  readonly skipsTimeActivation: boolean;
}

/** The sinusoids of a timestep. */
export interface TimeFeatureOptions {
  /** Cosines before sines. */
  readonly cosineFirst: boolean;
  /** Subtracted from the number of frequencies in the exponent. */
  readonly shift: number;
}

/** Keys of both kinds of U-Net. */
export const unetShape = {
  sample_size: z.optional(count),
  center_input_sample: z._default(z.boolean(), false),
  flip_sin_to_cos: z._default(z.boolean(), true),
  freq_shift: z._default(z.number(), 0),
  mid_block_scale_factor: only(1, "residual blocks that scale their output"),
  act_fn: only(["silu", "swish"], "another activation in the blocks"),
  norm_num_groups: z._default(count, 32),
  norm_eps: z._default(z.number().check(z.positive()), 1e-5),
  resnet_time_scale_shift: z._default(z.enum(["default", "scale_shift"]), "default"),
  time_embedding_type: only("positional", "another embedding of the time"),
  time_embedding_dim: z.optional(count),
};

/** Keys that do not change the result of a U-Net. */
export const UNET_HARMLESS = {
  "of training": ["dropout"],
  "of blocks that are not supported": ["downsample_padding"],
} as const;

interface UnetConfig {
  readonly sample_size?: number | undefined;
  readonly center_input_sample: boolean;
  readonly flip_sin_to_cos: boolean;
  readonly freq_shift: number;
  readonly norm_num_groups: number;
  readonly norm_eps: number;
  readonly resnet_time_scale_shift: "default" | "scale_shift";
  readonly time_embedding_dim?: number | undefined;
  readonly in_channels: number;
  readonly out_channels: number;
  readonly block_out_channels: readonly number[];
  readonly layers_per_block: number | readonly number[];
}

/** The options that both kinds of U-Net have. */
export function commonOptions(config: UnetConfig): UnetOptions {
  const { block_out_channels: widths, layers_per_block: layers } = config;
  return {
    sampleSize: config.sample_size,
    channelsIn: config.in_channels,
    channelsOut: config.out_channels,
    widths,
    layers: ofEach(layers, widths.length),
    groups: config.norm_num_groups,
    eps: config.norm_eps,
    timeDim: config.time_embedding_dim ?? 4 * widths[0]!,
    timeFeatures: { cosineFirst: config.flip_sin_to_cos, shift: config.freq_shift },
    scaleShift: config.resnet_time_scale_shift === "scale_shift",
    centersInput: config.center_input_sample,
  };
}

/** One value for all, or a list with one for each. */
export function ofEach<T>(value: T | readonly T[], length: number): readonly T[] {
  return isList(value) ? value : new Array<T>(length).fill(value);
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** Lists that must have as many entries as there are resolutions, and widths that must fit groups and heads. */
export interface Checks {
  readonly widths: readonly number[];
  readonly groups: number;
  readonly lists: Readonly<Record<string, unknown>>;
}

/** Adds an issue for each key that contradicts another. */
export function checkUnet({ widths, groups, lists }: Checks, issue: (key: string, message: string) => void): void {
  for (const [key, value] of Object.entries(lists)) {
    if (Array.isArray(value) && value.length !== widths.length) {
      issue(key, `${value.length} entries, but block_out_channels has ${widths.length}`);
    }
  }
  const wrong = widths.find((width) => width % groups !== 0);
  if (wrong !== undefined) issue("norm_num_groups", `${groups} is no divisor of ${wrong} in block_out_channels`);
}
