import { create, globals } from "webgpu";

/** Gives libraries that were written for browsers what they look for: `navigator.gpu`, and some of the page. */
export function installWebGpuGlobals(): void {
  class Missing {
    getContext(): null {
      return null;
    }
  }
  const page = {
    document: { createElement: () => ({ getContext: () => null, style: {} }) },
    HTMLVideoElement: Missing,
    HTMLImageElement: Missing,
    HTMLCanvasElement: Missing,
    OffscreenCanvas: Missing,
  };
  Object.assign(globalThis, globals, page);
  const value = { gpu: create([]), userAgent: "node" };
  Object.defineProperty(globalThis, "navigator", { value, configurable: true, writable: true });
}
