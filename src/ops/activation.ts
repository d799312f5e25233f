import { enums } from "../gpu/kernel-sources.js";

/**
 * Activation functions that kernels can apply to their output (kernels/lib/activation.wgsl). "gelu" is the exact GELU
 * (torch's default), "geluTanh" is torch's approximation with tanh.
 */
export type Activation = keyof typeof enums.activation;

/** Numbers of the activations in kernels. */
export const activationKinds: Readonly<Record<Activation, number>> = enums.activation;
