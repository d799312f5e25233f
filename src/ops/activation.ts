/** Pointwise functions that kernels can apply to what they write. "gelu" is the exact one (torch's default), "geluTanh" torch's approximation by tanh. */
export type Activation = "none" | "silu" | "gelu" | "quickGelu" | "relu" | "geluTanh";

/** Numbers of the activations in kernels/lib/activation.wgsl. */
export const activationKinds: Readonly<Record<Activation, number>> = {
  none: 0,
  silu: 1,
  gelu: 2,
  quickGelu: 3,
  relu: 4,
  geluTanh: 5,
};
