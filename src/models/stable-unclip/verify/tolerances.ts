import type { Tolerances } from "../../diffusers/verify/tolerances.js";

/**
 * For one pass through a network. The last digit of a frequency of the time embedding, which depends on the exp of a machine,
 * moves a pass by up to 1e-5: a timestep times a frequency is a large angle.
 */
export const FORWARD: Tolerances = { f32: { maxRelative: 3e-5 }, f16: { nmse: 1e-5 } };

/**
 * For a pass through the U-Net, whose fixtures have so few channels that rounding to f16 does not average out: torch in f32 with the
 * result of each layer rounded to f16 has an error of up to 1.7e-5, and sums are rounded here as well. Measured: up to 5.8e-5.
 */
export const UNET_FORWARD: Tolerances = { f32: FORWARD.f32, f16: { nmse: 1e-4 } };
