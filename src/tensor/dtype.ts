/** Storage types of tensors; `int8` only of weights of products. Sums, statistics and sampler state are always f32. */
export type DType = "f32" | "f16" | "u32" | "int8";

/** The storage types that a model computes in. */
export type ComputeType = "f32" | "f16";

/**
 * The formats of weights of products. `int8`: whole numbers from -127 to 127, and an f32 for each output that they are multiplied
 * by.
 */
export type WeightType = ComputeType | "int8";

/** What weights of linear layers and convolutions are stored in: `full` stands for the dtype of the model. */
export type WeightFormat = "full" | "int8";

export const WEIGHT_FORMATS = ["full", "int8"] as const satisfies readonly WeightFormat[];

/** Bytes of the scale of an output of a weight in int8. */
export const SCALE_BYTES = 4;

export function bytesPerElement(dtype: DType): number {
  if (dtype === "int8") return 1;
  return dtype === "f16" ? 2 : 4;
}

/** Rounds up to a multiple of 4: rows of a tensor are padded to whole vec4s. */
export function padChannels(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}
