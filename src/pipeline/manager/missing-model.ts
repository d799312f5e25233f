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

const PRIOR_NAMED = "`prior` beside the path of `pipeline` in a load config, --prior-folder of the command";

/** The error of a call that needs a model that is not in the load config, or not in its folder. */
export function missingModel({ source, data }: ModelLoadConfig, part: ModelPart): SamplingError {
  const [task, example] = NEEDED[part];
  const advice = `Use a load config or a folder of models that has one, such as "${example}"`;
  // The folder may have a decoder alone, whose prior is in another one.
  const ofPrior =
    data.pipeline && (part === "prior" || part === "CLIP")
      ? `, or name the folder of the decoder's prior (${PRIOR_NAMED})`
      : "";
  return new SamplingError(`${source} has no ${part}, which is needed to ${task}.`, {
    code: "sampling/no-model",
    advice: `${advice}${ofPrior}.`,
  });
}
