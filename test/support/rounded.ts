import type { ComputeType } from "../../src/tensor/dtype.js";
import { fromHalf, toHalf } from "../../src/tensor/half.js";

/** Values rounded to `dtype`, so that an oracle starts from the numbers that a kernel reads. */
export function rounded(values: Float32Array, dtype: ComputeType): Float32Array {
  return dtype === "f16" ? values.map((value) => fromHalf(toHalf(value))) : values;
}
