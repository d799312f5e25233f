import type { PriorDefaults } from "../diffusers/prior/load-prior.js";
import { PRIOR_DEFAULTS } from "./defaults.js";

/**
 * What is particular to the prior of Stable unCLIP: the pipeline passes negative prompts to the decoder alone.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/stable_diffusion/pipeline_stable_unclip.py#L780-L830
 */
export const PRIOR_OPTIONS: PriorDefaults = { defaults: PRIOR_DEFAULTS, takesNegative: false };
