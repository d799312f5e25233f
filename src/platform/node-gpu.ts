import { tmpdir, totalmem } from "node:os";
import process from "node:process";
import { openDawn } from "./node-dawn.js";
import { dalle2Command } from "./node-runtime.js";
import type { Platform } from "./platform.js";

/** The runtime's own WebGPU, as Deno has one; Dawn where there is none, it has no adapter, or flags for Dawn are given. */
export const openWebGpu: Platform["openWebGpu"] = async ({ flags, preferSoftware = false } = {}) => {
  const words = flags ?? process.env.DALLE2_DAWN_FLAGS?.split(/\s+/).filter((word) => word !== "") ?? [];
  const own = words.length === 0 ? ownWebGpu() : undefined;
  if (own === undefined) return openDawn(words, preferSoftware);
  // Mesa's window-system code complains without it, also when nothing is ever shown.
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
  if ((await own.requestAdapter()) !== null) return own;
  // Dawn tries software drivers that the system's loader does not find.
  const dawn = await openDawn([], preferSoftware);
  return "missing" in dawn ? own : dawn;
};

export const implementationOf: Platform["implementationOf"] = (entry) => (entry === ownWebGpu() ? "wgpu" : "Dawn");

/** `navigator.gpu`: Deno's, which is wgpu. Node has none. */
function ownWebGpu(): GPU | undefined {
  return (globalThis as { readonly navigator?: { readonly gpu?: GPU } }).navigator?.gpu;
}

export const adapterAdvice: Platform["adapterAdvice"] = () => {
  if (process.platform === "darwin") return "WebGPU needs Metal here: run on a Mac with macOS 13 or later, natively.";
  if (process.platform === "win32") return "Install the newest driver of your GPU; WebGPU needs Direct3D 12 or Vulkan.";
  const setup = `Run \`${dalle2Command("setup")}\``;
  return `${setup}, or install a Vulkan driver: your GPU's, or Mesa's software driver (lavapipe, version 25 or later).`;
};

export const systemMemory: Platform["systemMemory"] = () => {
  // What a container may take; 0 where nothing limits it, or more than there is.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
};
