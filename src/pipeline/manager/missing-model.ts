import { SamplingError } from "../../diffusion/sampling-error.js";
import type { ModelLoadConfig } from "../load-config.js";
import type { ConfigName } from "../config-names.js";

/** A model that a load config may lack. */
export type ModelPart = "prior" | "decoder" | "CLIP" | "text encoder" | "image encoder";

/** What each is needed for, and a load config of the package that has it. */
const NEEDED: Readonly<Record<ModelPart, readonly [task: string, example: ConfigName]>> = {
  prior: ["generate images from text", "karlo"],
  decoder: ["generate images", "karlo"],
  CLIP: ["read texts and images", "karlo"],
  "text encoder": ["read texts", "karlo"],
  "image encoder": ["start from an image, as for variations", "karlo-image-variations"],
};

/** The error of a call that needs a model that is not in the load config, or not in its folder. */
export function missingModel({ source }: ModelLoadConfig, part: ModelPart): SamplingError {
  const [task, example] = NEEDED[part];
  return new SamplingError(`${source} has no ${part}, which is needed to ${task}.`, {
    code: "sampling/no-model",
    advice: `Use a load config or a folder of models that has one, such as "${example}".`,
  });
}
