/** Checkpoints to find models in, and what is found. */
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import type { CheckpointOptions } from "../../src/weights/checkpoint.js";
import type { Checkpoint } from "../../src/weights/checkpoint.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { FormatError } from "../../src/weights/errors.js";
import { scalar, torchZip, type TestTree } from "./torch-file.js";

export const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/finding/${name}`, import.meta.url));
export const open = (tree: TestTree, options?: CheckpointOptions) =>
  openCheckpoint(new MemorySource(torchZip(tree), "x.pth"), options);

export async function values(tensors: Checkpoint["tensors"]): Promise<Record<string, number>> {
  const read = [...tensors].map(
    async ([name, entry]) => [name, toFloat32(entry.dtype, await entry.read())[0]!] as const,
  );
  return Object.fromEntries(await Promise.all(read));
}

/** What opening fails with, in words. */
export async function problem(tree: TestTree, options?: CheckpointOptions): Promise<string> {
  const error: unknown = await open(tree, options).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(FormatError);
  return String(error);
}

/** Enough of a prior, a decoder and a CLIP to be known as such; the values tell which it is. */
export const prior = (value: number) => ({
  "net.learned_query": scalar(value),
  "net.causal_transformer.norm.g": scalar(value + 0.5),
  "noise_scheduler.betas": scalar(0.25),
});
export const PRIOR_NAMES = ["net.learned_query", "net.causal_transformer.norm.g", "noise_scheduler.betas"];
export const decoder = (value: number) => ({
  "unets.0.to_time_hiddens.1.weight": scalar(value),
  "unets.1.to_time_hiddens.1.weight": scalar(value + 0.5),
  "noise_schedulers.0.betas": scalar(0.25),
});
export const clip = (value: number) => ({ "visual.proj": scalar(value), "ln_final.weight": scalar(value + 0.5) });
export const below = <T extends TestTree>(prefix: string, dict: Readonly<Record<string, T>>) =>
  Object.fromEntries(Object.entries(dict).map(([name, value]) => [prefix + name, value]));
export const optimizer = {
  state: { 0: { step: scalar(9), exp_avg: scalar(9) } },
  param_groups: [{ lr: 0.1, params: [0] }],
};
