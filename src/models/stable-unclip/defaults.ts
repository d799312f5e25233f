// What a call of diffusers' pipelines uses if it says nothing else.
import type { NetworkSettings } from "../../diffusion/settings.js";

export const PRIOR_DEFAULTS: NetworkSettings = { condScale: 4, steps: 25 };
export const DECODER_DEFAULTS: NetworkSettings = { condScale: 10, steps: 20 };
