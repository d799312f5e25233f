import { enums } from "../gpu/kernel-sources.js";

/**
 * Pointwise functions that kernels can apply to what they write (kernels/lib/activation.wgsl). "gelu" is the exact one
 * (torch's default), "geluTanh" torch's approximation by tanh.
 */
export type Activation = keyof typeof enums.activation;

/** Numbers of the activations in kernels. */
export const activationKinds: Readonly<Record<Activation, number>> = enums.activation;
