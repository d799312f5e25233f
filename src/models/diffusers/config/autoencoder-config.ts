// What the configs of diffusers' image autoencoders have in common.
import * as z from "zod/mini";
import { only } from "../../../config/known-keys.js";
import { count } from "./component-schema.js";

/** Keys of all of them. */
export const autoencoderShape = {
  in_channels: only(3, "images with other channels than colours"),
  out_channels: only(3, "images with other channels than colours"),
  block_out_channels: z._default(z.array(count).check(z.minLength(1)), [64]),
  layers_per_block: z._default(count, 1),
  act_fn: only(["silu", "swish"], "another activation"),
  norm_num_groups: z._default(count, 32),
  mid_block_add_attention: z._default(
    z.literal(true, { error: "expected true: a middle without attention is not supported" }),
    true,
  ),
};

interface AutoencoderConfig {
  readonly down_block_types: readonly string[];
  readonly up_block_types: readonly string[];
  readonly block_out_channels: readonly number[];
  readonly norm_num_groups: number;
}

interface Issues {
  addIssue(issue: { code: "custom"; path: string[]; message: string }): void;
}

/** Adds an issue for each key that contradicts another. */
export function checkAutoencoder(config: AutoencoderConfig, context: Issues): void {
  const issue = (key: string, message: string) => {
    context.addIssue({ code: "custom", path: [key], message });
  };
  const { block_out_channels: widths, norm_num_groups: groups } = config;
  for (const key of ["down_block_types", "up_block_types"] as const) {
    const { length } = config[key];
    if (length !== widths.length) issue(key, `${length} entries, but block_out_channels has ${widths.length}`);
  }
  const wrong = widths.find((width) => width % groups !== 0);
  if (wrong !== undefined) issue("norm_num_groups", `${groups} is no divisor of ${wrong} in block_out_channels`);
}
