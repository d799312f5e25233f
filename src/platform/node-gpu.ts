import { availableParallelism, tmpdir, totalmem } from "node:os";
import process from "node:process";
import { openDawn } from "./node-dawn.js";
import { dalle2Command } from "./node-runtime.js";
import { DeviceWaits } from "./node-waiting.js";
import type { Platform } from "./platform.js";

/** Opens the runtime's own WebGPU (Deno's). Opens Dawn if there is none, it has no adapter, or flags for Dawn are given. */
export const openWebGpu: Platform["openWebGpu"] = async ({ flags, preferSoftware = false } = {}) => {
  const words = flags ?? process.env.DALLE2_DAWN_FLAGS?.split(/\s+/).filter((word) => word !== "") ?? [];
  const own = words.length === 0 ? ownWebGpu() : undefined;
  if (own === undefined) return openDawn(words, preferSoftware);
  // Mesa's window-system code warns without it, even if nothing is displayed.
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
  if ((await own.requestAdapter()) !== null) return own;
  // Dawn also tries software drivers that the system's loader does not find.
  const dawn = await openDawn([], preferSoftware);
  return "missing" in dawn ? own : dawn;
};

export const implementationOf: Platform["implementationOf"] = (entry) => (entry === ownWebGpu() ? "wgpu" : "Dawn");

/** `navigator.gpu`: in Deno it is wgpu; Node has none. */
function ownWebGpu(): GPU | undefined {
  return (globalThis as { readonly navigator?: { readonly gpu?: GPU } }).navigator?.gpu;
}

const waits = new DeviceWaits();

export const waitForDawn: Platform["waitForDawn"] = (work) => waits.until(work);

export const adapterAdvice: Platform["adapterAdvice"] = () => {
  if (process.platform === "darwin")
    return "WebGPU needs Metal on macOS: run natively on a Mac with macOS 13 or later.";
  if (process.platform === "win32") return "Install the newest driver of your GPU; WebGPU needs Direct3D 12 or Vulkan.";
  const setup = `Run \`${dalle2Command("setup")}\``;
  return `${setup}, or install a Vulkan driver: your GPU's, or Mesa's software driver (lavapipe, version 25 or later).`;
};

export const systemMemory: Platform["systemMemory"] = () => {
  // The memory limit of the container; 0 without a limit, and possibly more than the machine has.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
};

/** More would wait for each other on most computers. */
const MOST_COMPILING_DEVICES = 3;

export const compilingDevices: Platform["compilingDevices"] = () => {
  // Without Mesa's cache on disk, each device compiles for itself alone.
  if (/^(1|true|yes|y)$/i.test(process.env.MESA_SHADER_CACHE_DISABLE ?? "")) return 0;
  return Math.min(MOST_COMPILING_DEVICES, availableParallelism() - 1);
};

export const processorTime: Platform["processorTime"] = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};
