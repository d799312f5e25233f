import type { PriorComponents } from "../diffusers/prior/load-prior.js";

/** The components of Karlo's prior. */
export const PRIOR: PriorComponents = { prior: "prior", scheduler: "prior_scheduler" };
