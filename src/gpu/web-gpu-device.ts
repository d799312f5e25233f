/** Limits of a device, by WebGPU's names. */
export interface GpuLimits {
  /** Bytes of a buffer. */
  readonly maxBufferSize: number;
  /** Bytes of a buffer that a kernel can bind. */
  readonly maxStorageBufferBindingSize: number;
  /** Storage buffers that a kernel can bind. */
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
 * The `GPUDevice` of WebGPU, described without the types of WebGPU, which not every project has. If yours has them, use
 * `gpu.device as GPUDevice`.
 */
export interface WebGpuDevice {
  /** The limits of the device. */
  readonly limits: GpuLimits;
  /** Resolves when the device is gone, destroyed or lost. */
  readonly lost: Promise<{
    /** `destroyed`, or `unknown` where it was lost. */
    readonly reason: string;
    /** Message of the system. */
    readonly message: string;
  }>;
  /** Destroys the device and everything on it, like `GpuDevice.dispose`. */
  destroy(): void;
}
