import { Dalle2Error, type Dalle2ErrorOptions, type ErrorPlace } from "../platform/dalle2-error.js";
import { DisposedError } from "../platform/disposed-error.js";
import type { ErrorCode } from "../platform/error-codes.js";

/** Base of every error that comes from the GPU runtime. */
export class GpuError extends Dalle2Error {
  static override readonly code: ErrorCode = "gpu/failed";
  override readonly name: string = "GpuError";

  static {
    this.register(this);
  }
}

/** No WebGPU, or no usable adapter, on this machine. The message says what to install. */
export class GpuUnavailableError extends GpuError {
  static override readonly code = "gpu/unavailable";
  override readonly name = "GpuUnavailableError";

  static {
    this.register(this);
  }
}

/** The device went away (driver reset, GPU unplugged). Open a new one and load the models again. */
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

/** The device could not allocate what was asked. */
export class GpuOutOfMemoryError extends GpuError {
  static override readonly code: ErrorCode = "gpu/out-of-memory";
  override readonly name: string = "GpuOutOfMemoryError";

  static {
    this.register(this);
  }
}

/** WebGPU rejected a command: a bug in this library, reported with the label of the work in flight. */
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

/** A tensor needs more than the adapter's limits allow. */
export class GpuLimitError extends GpuError {
  static override readonly code = "gpu/limit";
  override readonly name = "GpuLimitError";

  static {
    this.register(this);
  }
}

/**
 * A kernel did not compile. The message has what the compiler says, with file, line and column in `kernels/`, and the line
 * itself; `place.file` is the file of the first message.
 */
export class ShaderError extends GpuError {
  static override readonly code = "gpu/shader";
  override readonly name = "ShaderError";

  static {
    this.register(this);
  }
}

/** Where the work of an error belongs, by the labels of ours in its message: WebGPU tells by nothing else. */
function labelledPlace(message: string): ErrorPlace {
  const [, operation, module] = /"([a-z]\w*)[^"@]* @ ([^"\s]+)"/.exec(message) ?? [];
  return { operation, module };
}

/** Whether a device that failed so stays unusable. */
export function isLasting(error: unknown): boolean {
  return error instanceof DeviceLostError || error instanceof DisposedError;
}

/** What ended a wait for the GPU, as an error of it. */
export function asGpuError(cause: unknown): GpuError {
  if (cause instanceof GpuError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new GpuError(`The GPU did not finish its work: ${reason}`, { cause });
}
