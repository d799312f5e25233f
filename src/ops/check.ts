import type { DType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { ShapeError } from "./shape-error.js";

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Throws `ShapeError` unless the tensor has this shape. */
export function checkShape(op: string, argument: string, tensor: Tensor, expected: readonly number[]): void {
  if (!sameShape(tensor.shape, expected)) throw new ShapeError(op, argument, tensor.shape, expected);
}

/** Throws `ShapeError` unless the tensor has as many axes as names are given. */
export function checkAxes(op: string, argument: string, tensor: Tensor, names: readonly string[]): void {
  if (tensor.shape.length !== names.length) throw new ShapeError(op, argument, tensor.shape, names);
}

/** Throws `ShapeError` unless the tensor is stored as `expected`. */
export function checkDType(op: string, argument: string, tensor: Tensor, expected: DType): void {
  if (tensor.dtype !== expected) throw new ShapeError(op, argument, tensor.dtype, expected);
}

/** Throws `ShapeError` unless the tensor, where given, is f32 of this shape: small vectors, tables and state are. */
export function checkF32(op: string, argument: string, tensor: Tensor | undefined, expected: readonly number[]): void {
  if (!tensor) return;
  checkShape(op, argument, tensor, expected);
  checkDType(op, argument, tensor, "f32");
}

/** Storage type of a tensor of floats. Throws `ShapeError` for u32: indices and masks. */
export function floatType(op: string, argument: string, tensor: Tensor): "f32" | "f16" {
  if (tensor.dtype === "u32") throw new ShapeError(op, argument, "u32", "f32 or f16");
  return tensor.dtype;
}
