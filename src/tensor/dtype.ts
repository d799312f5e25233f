/** Storage types of tensors. Sums, statistics and sampler state are always f32. */
export type DType = "f32" | "f16" | "u32";

/** The storage types that a model computes in. */
export type ComputeType = "f32" | "f16";

export function bytesPerElement(dtype: DType): number {
  return dtype === "f16" ? 2 : 4;
}

/** Rounds up to a multiple of 4: rows of a tensor are padded to whole vec4s. */
export function padChannels(channels: number): number {
  return Math.ceil(channels / 4) * 4;
}
