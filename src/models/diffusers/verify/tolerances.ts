import type { Tolerance } from "../../../fixture/result.js";
import type { ComputeType } from "../../../tensor/dtype.js";

/** Limits in each dtype. */
export type Tolerances = Readonly<Record<ComputeType, Tolerance>>;

/** For one pass through a network. Measured: below 5e-7 in f32, as the reference itself, and an error of 5e-7 in f16. */
export const FORWARD: Tolerances = { f32: { maxRelative: 1e-5 }, f16: { nmse: 1e-5 } };

/**
 * The same for networks of decoders in a latent space, and their priors and encoders. The last digit of a frequency of the time
 * embedding, which depends on the exp of a machine, moves a pass by up to 1e-5: a timestep times a frequency is a large angle.
 */
export const LATENT_FORWARD: Tolerances = { f32: { maxRelative: 3e-5 }, f16: { nmse: 1e-5 } };

/**
 * For a sampling loop: the first step magnifies an error of the predicted noise 20 000 times before it is clamped. In f16 that
 * decides the sign of pixels where a network predicts just the noise that it sees, which few steps do not mend. Measured in
 * f16: 5e-3 with 2 steps, 8e-4 with 4, 5e-6 with 25.
 */
export const LOOP: Tolerances = { f32: { maxRelative: 1e-3 }, f16: { nmse: 1e-2 } };

/** For bytes of sampled images, which may be rounded to their neighbours. In f16, errors add up over all steps. */
export const BYTES: Tolerances = { f32: { beyondOne: 0 }, f16: LOOP.f16 };

/** For the loop of a prior, which predicts x0 and so magnifies nothing. Measured in f16: below 2e-6. */
export const PRIOR_LOOP: Tolerances = { f32: LOOP.f32, f16: { nmse: 1e-4 } };
