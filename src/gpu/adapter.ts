/** Describes the open adapter. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** Whether the driver computes on the CPU (lavapipe, SwiftShader). */
  readonly isSoftware: boolean;
  /** Bytes of its memory, if known. A software adapter uses the memory of the system. */
  readonly memoryBytes?: number | undefined;
}

/** Optional WebGPU features that the library uses. */
export interface GpuFeatures {
  readonly f16: boolean;
  readonly subgroups: boolean;
  readonly subgroupMatrix: boolean;
  readonly timestamps: boolean;
}
