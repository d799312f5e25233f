import { existsSync, readdirSync } from "node:fs";
import { tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Platform } from "./platform.js";

const ENABLE = "enable-dawn-features=";

/** Toggles of Dawn that are on by default. */
const DEFAULT_FEATURES = [
  // NVIDIA's Vulkan driver has f16, Dawn hides it behind this one.
  "vulkan_enable_f16_on_nvidia",
  // Otherwise Dawn puts buffers below 4 MiB into heaps of its own, which it keeps until the device is destroyed: `trim` would
  // give none of them back.
  "disable_resource_suballocation",
];

const MANIFEST_FOLDERS = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
const SWIFTSHADER_FOLDERS = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];

// Dawn's objects do not keep their instance alive, and an instance that is collected takes its devices down.
const instances = new Map<string, GPU>();

/**
 * Tries what the system's loader finds (it puts GPUs before software drivers), then lavapipe alone, then the SwiftShader
 * that Chromium brings; the software drivers first where they are preferred. A driver chosen by the caller in
 * `VK_DRIVER_FILES` or `VK_ICD_FILENAMES` is the only one tried.
 */
export const openWebGpu: Platform["openWebGpu"] = async (options = {}) => {
  const words = process.env.DALLE2_DAWN_FLAGS?.split(/\s+/).filter((word) => word !== "");
  const flags = withDefaults(options.flags ?? words ?? []);
  const { preferSoftware = false } = options;
  const key = JSON.stringify([flags, preferSoftware, process.env.VK_DRIVER_FILES, process.env.VK_ICD_FILENAMES]);
  const known = instances.get(key);
  if (known) return known;

  const { create } = await import("webgpu");
  // Mesa's window-system code complains without it, also when nothing is ever shown.
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
  const openSoftware = () => openSoftwareDriver(() => create(flags));
  const first = (preferSoftware ? await openSoftware() : undefined) ?? create(flags);
  const gpu = (await hasAdapter(first)) ? first : await openSoftware();
  if (gpu) instances.set(key, gpu);
  return gpu ?? first;
};

export const adapterAdvice: Platform["adapterAdvice"] = () => {
  if (process.platform === "darwin") return "WebGPU needs Metal here: run on a Mac with macOS 13 or later, natively.";
  if (process.platform === "win32") return "Install the newest driver of your GPU; WebGPU needs Direct3D 12 or Vulkan.";
  return "Run `npx dalle2 setup`, or install a Vulkan driver: your GPU's, or Mesa's software driver (lavapipe, version 25 or later).";
};

export const systemMemory: Platform["systemMemory"] = () => {
  // What a container may take; 0 where nothing limits it, or more than there is.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
};

/** Adds the default toggles. Dawn reads the last list of toggles alone, so that all of them go into one. */
export function withDefaults(flags: readonly string[]): string[] {
  const given = flags.filter((flag) => flag.startsWith(ENABLE)).map((flag) => flag.slice(ENABLE.length));
  const others = flags.filter((flag) => !flag.startsWith(ENABLE));
  return [`${ENABLE}${[...DEFAULT_FEATURES, ...given].join(",")}`, ...others];
}

async function hasAdapter(gpu: GPU): Promise<boolean> {
  return (await gpu.requestAdapter()) !== null;
}

/** Tries software drivers by their manifest. The loader reads the variable when the first adapter is asked for. */
async function openSoftwareDriver(create: () => GPU): Promise<GPU | undefined> {
  const { VK_DRIVER_FILES: chosen, VK_ICD_FILENAMES: chosenByOldName } = process.env;
  if (process.platform !== "linux" || chosen || chosenByOldName) return undefined;
  try {
    for (const manifest of softwareDrivers()) {
      process.env.VK_ICD_FILENAMES = manifest;
      const gpu = create();
      if (await hasAdapter(gpu)) return gpu;
    }
    return undefined;
  } finally {
    delete process.env.VK_ICD_FILENAMES;
  }
}

function softwareDrivers(): string[] {
  const lavapipe = MANIFEST_FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => /^lvp_icd.*\.json$/.test(file))
      .map((file) => join(folder, file)),
  );
  const swiftShader = SWIFTSHADER_FOLDERS.map((folder) => join(folder, "vk_swiftshader_icd.json"));
  return [...lavapipe, ...swiftShader.filter((file) => existsSync(file))];
}
