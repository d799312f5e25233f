/** Limits of a device, by WebGPU's names. */
export interface GpuLimits {
  /** Bytes of a buffer. */
  readonly maxBufferSize: number;
  /** Bytes of a buffer that a kernel sees. */
  readonly maxStorageBufferBindingSize: number;
  /** Storage buffers that a kernel sees at once. */
  readonly maxStorageBuffersPerShaderStage: number;
  /** Bytes of memory that the invocations of a workgroup share. */
  readonly maxComputeWorkgroupStorageSize: number;
  /** Invocations of a workgroup. */
  readonly maxComputeInvocationsPerWorkgroup: number;
  /** Invocations of a workgroup along x. */
  readonly maxComputeWorkgroupSizeX: number;
  /** Invocations of a workgroup along y. */
  readonly maxComputeWorkgroupSizeY: number;
  /** Invocations of a workgroup along z. */
  readonly maxComputeWorkgroupSizeZ: number;
  /** Workgroups of a dispatch along each axis. */
  readonly maxComputeWorkgroupsPerDimension: number;
}

/**
 * The `GPUDevice` of WebGPU, as far as it can be said without the types of WebGPU, which not every project has. Where yours
 * has them, `gpu.device as GPUDevice` is all of it.
 */
export interface WebGpuDevice {
  /** What it can do at most. */
  readonly limits: GpuLimits;
  /** Resolves when the device is gone, destroyed or lost. */
  readonly lost: Promise<{
    /** `destroyed`, or `unknown` where it was lost. */
    readonly reason: string;
    /** What the system says of it. */
    readonly message: string;
  }>;
  /** Ends it, and all that is on it; `GpuDevice.dispose` does so too. */
  destroy(): void;
}
