import { Dalle2Error, type Dalle2ErrorOptions, type ErrorPlace } from "../platform/dalle2-error.js";
import { DisposedError } from "../platform/disposed-error.js";
import type { ErrorCode } from "../platform/error-codes.js";

/** Base class of the errors of the GPU runtime. */
export class GpuError extends Dalle2Error {
  static override readonly code: ErrorCode = "gpu/failed";
  override readonly name: string = "GpuError";

  static {
    this.register(this);
  }
}

/** This machine has no WebGPU, or no usable adapter. The message says what to install. */
export class GpuUnavailableError extends GpuError {
  static override readonly code = "gpu/unavailable";
  override readonly name = "GpuUnavailableError";

  static {
    this.register(this);
  }
}

/** The device was lost (driver reset, GPU unplugged). Open a new one and load the models again. */
export class DeviceLostError extends GpuError {
  static override readonly code = "gpu/device-lost";
  override readonly name = "DeviceLostError";

  static {
    this.register(this);
  }

  constructor(
    /** `destroyed` or `unknown`, as WebGPU says it. */
    readonly reason: string,
    message: string,
  ) {
    super(`GPU device lost (${reason}): ${message || "no further information"}.`, {
      advice: "Open a new device and load the models again.",
    });
  }
}

/** The device could not allocate the requested memory. */
export class GpuOutOfMemoryError extends GpuError {
  static override readonly code: ErrorCode = "gpu/out-of-memory";
  override readonly name: string = "GpuOutOfMemoryError";

  static {
    this.register(this);
  }
}

/** WebGPU rejected a command. This is a bug in this library; the message has the label of the command. */
export class GpuValidationError extends GpuError {
  static override readonly code = "gpu/validation";
  override readonly name = "GpuValidationError";

  static {
    this.register(this);
  }

  constructor(message: string, options: Dalle2ErrorOptions = {}) {
    super(message, { ...options, place: { ...labelledPlace(message), ...options.place } });
  }
}

/** A tensor is larger than the limits of the adapter allow. */
export class GpuLimitError extends GpuError {
  static override readonly code = "gpu/limit";
  override readonly name = "GpuLimitError";

  static {
    this.register(this);
  }
}

/**
 * A kernel did not compile. The message has the messages of the compiler, with file, line and column in `kernels/`, and
 * the line of code. `place.file` is the file of the first message.
 */
export class ShaderError extends GpuError {
  static override readonly code = "gpu/shader";
  override readonly name = "ShaderError";

  static {
    this.register(this);
  }
}

/** Finds operation and module of an error from our label in its message: WebGPU reports them in no other way. */
function labelledPlace(message: string): ErrorPlace {
  const [, operation, module] = /"([a-z]\w*)[^"@]* @ ([^"\s]+)"/.exec(message) ?? [];
  return { operation, module };
}

/** Whether the device stays unusable after this error. */
export function isLasting(error: unknown): boolean {
  return error instanceof DeviceLostError || error instanceof DisposedError;
}

/** Turns the reason why a wait for the GPU failed into a `GpuError`. */
export function asGpuError(cause: unknown): GpuError {
  if (cause instanceof GpuError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GpuError(`The GPU did not finish its work: ${reason}`, { cause });
}
