import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { componentSchema } from "./component-schema.js";

const schema = componentSchema("UnCLIPScheduler", {
  num_train_timesteps: z._default(z.int().check(z.minimum(2)), 1000),
  variance_type: z._default(z.enum(["fixed_small_log", "learned_range"]), "fixed_small_log"),
  clip_sample: z._default(z.boolean(), true),
  clip_sample_range: z._default(z.number().check(z.positive()), 1),
  prediction_type: z._default(z.enum(["epsilon", "sample"]), "epsilon"),
  beta_schedule: z.optional(z.literal("squaredcos_cap_v2")),
});

export interface UnclipSchedulerOptions {
  readonly timesteps: number;
  /** Whether the network predicts the variance: its output has twice the channels. */
  readonly learnedVariance: boolean;
  readonly objective: "noise" | "x0";
  /** The predicted x0 is clamped to ± this value; undefined: it is not. */
  readonly x0Limit: number | undefined;
}

/**
 * The options in the config of an `UnCLIPScheduler`. `file` is its name in messages. Throws `ConfigError`.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_unclip.py#L130-L143
 */
export function unclipSchedulerOptions(value: unknown, file: string): UnclipSchedulerOptions {
  const config = parseConfig(schema, value, file);
  return {
    timesteps: config.num_train_timesteps,
    learnedVariance: config.variance_type === "learned_range",
    objective: config.prediction_type === "epsilon" ? "noise" : "x0",
    x0Limit: config.clip_sample ? config.clip_sample_range : undefined,
  };
}
