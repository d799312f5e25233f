import type { Platform } from "./platform.js";

export const openWebGpu: Platform["openWebGpu"] = () => {
  const { gpu } = navigator as Partial<Pick<Navigator, "gpu">>;
  return gpu ? Promise.resolve(gpu) : Promise.reject(new Error(`This page has no WebGPU. ${adapterAdvice()}`));
};

export const adapterAdvice: Platform["adapterAdvice"] = () =>
  "Open the page over https or from localhost, in a browser that has WebGPU enabled (Chrome 113, Safari 26, Firefox 141 and later).";

export const systemMemory: Platform["systemMemory"] = () => undefined;
