import { Random } from "../random.js";
import type { Target, TargetFactory } from "../target.js";
import { BROKEN } from "./broken.js";
import { inspect, prompts, show } from "./commands.js";
import { clipConfig, loadConfig, trainConfig } from "./configs.js";
import { dialect } from "./dialect.js";
import { encoderFolder } from "./encoder-folder.js";
import { imageText } from "./images.js";
import { address, checksum, http } from "./network.js";
import { safetensors } from "./safetensors.js";
import { shardIndex } from "./shard-index.js";
import { tokenizer } from "./tokenizer.js";
import { legacy, pickle, torchZipTarget } from "./torch.js";

const TARGETS: Readonly<Record<string, TargetFactory>> = {
  safetensors,
  "torch-zip": torchZipTarget,
  pickle,
  legacy,
  "shard-index": shardIndex,
  dialect,
  "load-config": loadConfig,
  "train-config": trainConfig,
  "clip-config": clipConfig,
  "encoder-folder": encoderFolder,
  "image-text": imageText,
  tokenizer,
  show,
  inspect,
  prompts,
  checksum,
  address,
  http,
};

export const TARGET_NAMES: readonly string[] = Object.keys(TARGETS);

export async function loadTarget(name: string): Promise<Target> {
  const factory = TARGETS[name] ?? BROKEN[name];
  if (!factory) throw new Error(`there is no target ${name}`);
  return factory();
}

/** The input with a number: first the target's seeds, then inputs that depend on a seed and the number. */
export function inputOf({ seeds, inputs }: Target, name: string, seed: number, number: number): Uint8Array {
  return seeds[number] ?? inputs.generate(new Random(name, seed, number));
}
