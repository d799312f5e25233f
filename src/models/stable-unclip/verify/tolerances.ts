import type { Tolerances } from "../../diffusers/verify/tolerances.js";

/**
 * For one pass through a network. The last digit of a frequency of the time embedding, which depends on the exp of a machine,
 * moves a pass by up to 1e-5: a timestep times a frequency is a large angle.
 */
export const FORWARD: Tolerances = { f32: { maxRelative: 3e-5 }, f16: { nmse: 1e-5 } };
