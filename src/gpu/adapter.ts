/** What the opened adapter is. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** A driver that computes on the CPU (lavapipe, SwiftShader). */
  readonly isSoftware: boolean;
  /** Bytes of its memory, where that is known: the system's for a software adapter. */
  readonly memoryBytes?: number | undefined;
}

/** What an adapter may have beyond the minimum of WebGPU. */
export interface GpuFeatures {
  readonly f16: boolean;
  readonly subgroups: boolean;
  readonly subgroupMatrix: boolean;
  readonly timestamps: boolean;
}
