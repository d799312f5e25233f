import type { DType, WeightType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { ShapeError } from "./shape-error.js";

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Throws `ShapeError` unless the tensor has this shape. */
export function checkShape(op: string, argument: string, tensor: Tensor, expected: readonly number[]): void {
  if (!sameShape(tensor.shape, expected)) throw new ShapeError(op, argument, tensor.shape, expected);
}

/** Throws `ShapeError` unless the tensor has an axis for each name. */
export function checkAxes(op: string, argument: string, tensor: Tensor, names: readonly string[]): void {
  if (tensor.shape.length !== names.length) throw new ShapeError(op, argument, tensor.shape, names);
}

/** Throws `ShapeError` unless the tensor has the dtype `expected`. */
export function checkDType(op: string, argument: string, tensor: Tensor, expected: DType): void {
  if (tensor.dtype !== expected) throw new ShapeError(op, argument, tensor.dtype, expected);
}

/**
 * Throws `ShapeError` unless the tensor, if there is one, is f32 and has this shape. For small vectors, tables and
 * sampler state.
 */
export function checkF32(op: string, argument: string, tensor: Tensor | undefined, expected: readonly number[]): void {
  if (!tensor) return;
  checkShape(op, argument, tensor, expected);
  checkDType(op, argument, tensor, "f32");
}

/** Returns the dtype of a tensor of floats. Throws `ShapeError` for others: indices, masks, and weights in int8. */
export function floatType(op: string, argument: string, { dtype }: Tensor): "f32" | "f16" {
  if (dtype !== "f32" && dtype !== "f16") throw new ShapeError(op, argument, dtype, "f32 or f16");
  return dtype;
}

/** Returns the format of a weight of a product. Throws `ShapeError` for u32. */
export function weightType(op: string, weight: Tensor): WeightType {
  return weight.dtype === "int8" ? "int8" : floatType(op, "weight", weight);
}
