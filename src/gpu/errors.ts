/** Base of every error that comes from the GPU runtime. */
export class GpuError extends Error {
  override readonly name: string = "GpuError";
}

/** No usable WebGPU adapter on this machine. The message says what to install. */
export class GpuUnavailableError extends GpuError {
  override readonly name = "GpuUnavailableError";
}

/** The device went away (driver reset, `destroy()`, GPU unplugged). Open a new one and load the models again. */
export class DeviceLostError extends GpuError {
  override readonly name = "DeviceLostError";
  constructor(
    readonly reason: string,
    message: string,
  ) {
    super(
      `GPU device lost (${reason}): ${message || "no further information"}. Open a new device and load the models again.`,
    );
  }
}

/** The device could not allocate what was asked. */
export class GpuOutOfMemoryError extends GpuError {
  override readonly name = "GpuOutOfMemoryError";
}

/** WebGPU rejected a command: a bug in this library, reported with the label of the work in flight. */
export class GpuValidationError extends GpuError {
  override readonly name = "GpuValidationError";
}

/** A tensor needs more than the adapter's limits allow. */
export class GpuLimitError extends GpuError {
  override readonly name = "GpuLimitError";
}

/** A kernel did not compile. The message holds the compiler's lines and the source around them. */
export class ShaderError extends GpuError {
  override readonly name = "ShaderError";
}
