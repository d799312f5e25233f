/** Nothing here implements WebGPU: it is not there, or cannot be loaded. `src/gpu` makes it an error of the library. */
export class NoWebGpuError extends Error {
  override readonly name = "NoWebGpuError";

  constructor(
    message: string,
    /** What to do. */
    readonly advice: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
