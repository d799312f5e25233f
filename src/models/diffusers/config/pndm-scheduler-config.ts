import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { only } from "../../../config/known-keys.js";
import { betaOptions, betaShape, type BetaOptions } from "./beta-config.js";
import { componentSchema } from "./component-schema.js";

const schema = componentSchema(
  "PNDMScheduler",
  {
    ...betaShape,
    skip_prk_steps: z.literal(true),
    set_alpha_to_one: z._default(z.boolean(), false),
    prediction_type: z._default(z.enum(["epsilon", "v_prediction"]), "epsilon"),
    timestep_spacing: only("leading", "timesteps that are chosen in another way"),
    steps_offset: z._default(z.int().check(z.nonnegative()), 0),
  },
  {
    harmless: {
      "of other schedulers": [
        "clip_sample",
        "clip_sample_range",
        "dynamic_thresholding_ratio",
        "rescale_betas_zero_snr",
        "sample_max_value",
        "thresholding",
        "variance_type",
      ],
    },
  },
);

export interface PndmSchedulerOptions extends BetaOptions {
  readonly objective: "noise" | "v";
  /** Whether the last step leads to the clean sample. Otherwise it leads to the noise of timestep 0, which is little. */
  readonly endsClean: boolean;
  /** Added to each timestep. */
  readonly offset: number;
}

const OBJECTIVES = { epsilon: "noise", v_prediction: "v" } as const;

/**
 * The options in the config of a `PNDMScheduler` without Runge-Kutta steps. `file` is its name in messages. Throws `ConfigError`.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/schedulers/scheduling_pndm.py#L98-L167
 */
export function pndmSchedulerOptions(value: unknown, file: string): PndmSchedulerOptions {
  const config = parseConfig(schema, value, file);
  return {
    ...betaOptions(config),
    objective: OBJECTIVES[config.prediction_type],
    endsClean: config.set_alpha_to_one,
    offset: config.steps_offset,
  };
}
