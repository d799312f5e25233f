/** Options of `openWebGpu`; browsers have none. */
export interface WebGpuOptions {
  /** Flags for Dawn, which only Node takes. */
  readonly flags?: readonly string[];
}

/** The browser's WebGPU. Rejects where the browser has none or the page is not a secure context. */
export function openWebGpu(): Promise<GPU> {
  const { gpu } = navigator as Partial<Pick<Navigator, "gpu">>;
  return gpu ? Promise.resolve(gpu) : Promise.reject(new Error(`This page has no WebGPU. ${adapterAdvice()}`));
}

/** What to do when no adapter was found, as one or two sentences. */
export function adapterAdvice(): string {
  return "Open the page over https or from localhost, in a browser with WebGPU switched on (Chrome 113, Safari 26 or Firefox 141 and later).";
}
