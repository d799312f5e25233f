import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { only } from "../../../config/known-keys.js";
import { betaOptions, betaShape, type BetaOptions } from "./beta-config.js";
import { componentSchema } from "./component-schema.js";

const schema = componentSchema(
  "DDPMScheduler",
  {
    ...betaShape,
    variance_type: z._default(z.enum(["fixed_small", "fixed_small_log", "learned_range"]), "fixed_small"),
    clip_sample: z._default(z.boolean(), true),
    clip_sample_range: z._default(z.number().check(z.positive()), 1),
    prediction_type: z._default(z.enum(["epsilon", "sample", "v_prediction"]), "epsilon"),
    thresholding: z._default(z.boolean(), false),
    dynamic_thresholding_ratio: z._default(z.number().check(z.minimum(0), z.maximum(1)), 0.995),
    sample_max_value: z._default(z.number().check(z.minimum(1)), 1),
    timestep_spacing: z._default(z.enum(["leading", "linspace", "trailing"]), "leading"),
    steps_offset: z._default(z.int().check(z.nonnegative()), 0),
    rescale_betas_zero_snr: only(false, "a schedule that ends without any signal"),
  },
  {
    harmless: {
      "of other schedulers": ["set_alpha_to_one", "skip_prk_steps", "interpolation_type", "final_sigmas_type"],
    },
  },
);

/** How timesteps of fewer steps are chosen. */
export type TimestepSpacing = "leading" | "linspace" | "trailing";

export interface DdpmSchedulerOptions extends BetaOptions {
  /** Whether the network predicts the variance: its output has twice the channels. */
  readonly learnedVariance: boolean;
  readonly objective: "noise" | "x0" | "v";
  /** The predicted x0 is clamped to ± this value; undefined: it is not. */
  readonly x0Limit: number | undefined;
  /** Dynamic thresholding of the predicted x0, in place of a clamp. */
  readonly thresholding: { readonly ratio: number; readonly max: number } | undefined;
  readonly spacing: TimestepSpacing;
  /** Added to each timestep of the spacing "leading". */
  readonly offset: number;
}

const OBJECTIVES = { epsilon: "noise", sample: "x0", v_prediction: "v" } as const;

/**
 * The options in the config of a `DDPMScheduler`. `file` is its name in messages. Throws `ConfigError`.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_ddpm.py#L131-L190
 */
export function ddpmSchedulerOptions(value: unknown, file: string): DdpmSchedulerOptions {
  const config = parseConfig(schema, value, file);
  const { thresholding, dynamic_thresholding_ratio: ratio, sample_max_value: max } = config;
  return {
    ...betaOptions(config),
    learnedVariance: config.variance_type === "learned_range",
    objective: OBJECTIVES[config.prediction_type],
    x0Limit: config.clip_sample && !thresholding ? config.clip_sample_range : undefined,
    thresholding: thresholding ? { ratio, max } : undefined,
    spacing: config.timestep_spacing,
    offset: config.steps_offset,
  };
}
