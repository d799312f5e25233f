import type { Arena } from "../../src/tensor/arena.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { Weights } from "../../src/weights/store.js";
import type { TensorSource } from "../../src/weights/tensor-source.js";
import type { FullComponent } from "../support/full-size.js";
import { Random } from "../support/gpu.js";

/** A pass of a network. It encodes it, and returns its result. */
export type Pass = (arena: Arena) => Promise<Tensor>;

/** A network in its full size. */
export interface FullNetwork {
  readonly component: FullComponent;
  /** What the pass computes. */
  readonly what: string;
  /** Declares the weights. */
  readonly declare: (weights: Weights) => Pass;
  /** The names of tensors that the network declares, if they are not those of the file. */
  readonly renamed?: (source: TensorSource) => TensorSource;
}

export const random = new Random(5);

/** A pass that waits for nothing. */
export function immediate(pass: (arena: Arena) => Tensor): Pass {
  return (arena) => Promise.resolve(arena.scope(() => pass(arena)));
}

/** Random values, f32. */
export function normals(arena: Arena, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  return arena.from(random.normals(size), shape, "f32");
}
