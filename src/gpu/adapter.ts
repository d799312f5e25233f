/** What the opened adapter is. */
export interface AdapterDescription {
  /** Who made it, as WebGPU names them: `nvidia`. Empty where it is not told, as the next three. */
  readonly vendor: string;
  /** Its family: `ampere`. */
  readonly architecture: string;
  /** Its number, by its vendor. */
  readonly device: string;
  /** Its name, as the driver tells it. */
  readonly description: string;
  /** A driver that computes on the CPU (lavapipe, SwiftShader). */
  readonly isSoftware: boolean;
  /** Bytes of its memory, where that is known: the system's for a software adapter. */
  readonly memoryBytes?: number | undefined;
}

/** What an adapter may have beyond the minimum of WebGPU. */
export interface GpuFeatures {
  /** Half precision in kernels (`shader-f16`). */
  readonly f16: boolean;
  /** Operations among the invocations of a subgroup (`subgroups`). */
  readonly subgroups: boolean;
  /** Products of small matrices in hardware (`chromium-experimental-subgroup-matrix`). */
  readonly subgroupMatrix: boolean;
  /** Times of kernels (`timestamp-query`). */
  readonly timestamps: boolean;
}
