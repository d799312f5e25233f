import type { PriorDefaults } from "../diffusers/prior/load-prior.js";
import { PRIOR_DEFAULTS } from "./defaults.js";

/**
 * What is particular to the prior of Kandinsky 2.2. Its decoder is guided away from an image embedding: of negative prompts, which
 * the prior makes in the run of the texts, or else of no image.
 */
export const PRIOR_OPTIONS: PriorDefaults = { defaults: PRIOR_DEFAULTS, embedsNegative: true, takesInitEmbed: true };
