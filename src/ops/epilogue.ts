import type { Tensor } from "../tensor/tensor.js";
import { activationKinds, type Activation } from "./activation.js";
import { perLine } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/**
 * What is applied to a product before it is stored (kernels/lib/epilogue.wgsl): `activation(product + bias) +
 * residual`.
 */
export interface Epilogue {
  /** `[out]`, f32. */
  readonly bias?: Tensor | undefined;
  readonly activation?: Activation | undefined;
  /** `[..., out]`, added after the activation. */
  readonly residual?: Tensor | undefined;
}

/** Returns operands of a kernel with an epilogue: the result `y`, with `size` elements in a line, and the inputs of the epilogue. */
export function epilogueOperands(y: Tensor, size: number, { bias, residual }: Epilogue) {
  return { bias: bias?.storage, residual: perLine(residual, size), y: perLine(y, size) };
}

/** Returns the fields of `Epilogue` in the `Params` of a kernel, for the result `y`. */
export function epilogueParams(y: Tensor, { bias, activation = "none", residual }: Epilogue) {
  return {
    column_vectors: y.stride / 4,
    activation: activationKinds[activation],
    has_bias: Number(bias !== undefined),
    has_residual: Number(residual !== undefined),
  };
}

/** Throws `ShapeError` if the epilogue does not fit a product of `x` with this shape. */
export function checkEpilogue(op: string, x: Tensor, shape: readonly number[], { bias, residual }: Epilogue): void {
  if (bias && (bias.dtype !== "f32" || bias.channels !== shape.at(-1) || bias.rows !== 1)) {
    throw new ShapeError(op, `bias (${bias.dtype})`, bias.shape, [shape.at(-1) ?? 1]);
  }
  if (residual && (residual.dtype !== x.dtype || residual.shape.join() !== shape.join())) {
    throw new ShapeError(op, `residual (${residual.dtype})`, residual.shape, shape);
  }
}
