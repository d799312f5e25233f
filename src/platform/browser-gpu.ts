import type { Platform } from "./platform.js";

export const openWebGpu: Platform["openWebGpu"] = () => {
  const { gpu } = navigator as Partial<Pick<Navigator, "gpu">>;
  return Promise.resolve(gpu ?? { missing: "This page has no WebGPU.", advice: adapterAdvice() });
};

export const implementationOf: Platform["implementationOf"] = () => {
  const { userAgent } = navigator;
  if (userAgent.includes("Firefox/")) return "wgpu";
  return userAgent.includes("Chrome/") ? "Dawn" : "WebKit";
};

/** Browsers wait without using a core. */
export const waitForDawn: Platform["waitForDawn"] = (work) => work;

export const adapterAdvice: Platform["adapterAdvice"] = () =>
  "Open the page over https or from localhost, in a browser that has WebGPU enabled (Chrome 113, Safari 26, Firefox 141 and later).";

// The driver cannot keep what it compiles: it runs in a sandbox.
export const compilingDevices: Platform["compilingDevices"] = () => 0;

export const processorTime: Platform["processorTime"] = () => undefined;

export const systemMemory: Platform["systemMemory"] = () => undefined;
