// Dawn, from the package `webgpu`: its toggles, and the choice of its driver.
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { lavapipeManifests, widenVectors } from "./node-mesa.js";
import { dalle2Command, installCommand, runtime, type Runtime } from "./node-runtime.js";
import { withoutLines } from "./node-stderr.js";
import type { NoWebGpu } from "./platform.js";

const ENABLE = "enable-dawn-features=";

/** Toggles of Dawn that are on by default. */
const DEFAULT_FEATURES = [
  // NVIDIA's Vulkan driver supports f16, but Dawn only uses it with this toggle.
  "vulkan_enable_f16_on_nvidia",
  // Dawn offers the matrix units of GPUs only with this toggle. It allows other unfinished features too, of which none is used.
  "allow_unsafe_apis",
  // Otherwise Dawn puts buffers below 4 MiB into its own heaps and keeps these until the device is destroyed, so that `trim`
  // frees none of them.
  "disable_resource_suballocation",
];

/** Dawn's warning about drivers with higher limits than its own. It does not matter here, and no toggle disables it. */
const REDUCED_LIMIT = /^Warning: maxDynamic(Uniform|Storage)BuffersPerPipelineLayout artificially reduced from /;

const SWIFTSHADER_FOLDERS = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];

// Dawn's objects do not keep their instance alive, and garbage collection of an instance destroys its devices.
const instances = new Map<string, GPU>();

/**
 * Opens Dawn. Tries the drivers that the system's loader finds (GPUs before software drivers), then only lavapipe, then
 * SwiftShader from an installed Chromium. With `preferSoftware`, tries the software drivers first. If `VK_DRIVER_FILES` or
 * `VK_ICD_FILENAMES` is set, tries only that driver.
 */
export async function openDawn(ownFlags: readonly string[], preferSoftware: boolean): Promise<GPU | NoWebGpu> {
  const flags = withDefaults(ownFlags);
  const key = JSON.stringify([flags, preferSoftware, process.env.VK_DRIVER_FILES, process.env.VK_ICD_FILENAMES]);
  const known = instances.get(key);
  if (known) return known;

  const create = await loadDawn();
  if (typeof create !== "function") return create;
  // Mesa's window-system code warns without it, even if nothing is displayed.
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
  widenVectors();
  const openSoftware = () => openSoftwareDriver(() => create(flags));
  const first = (preferSoftware ? await openSoftware() : undefined) ?? create(flags);
  const gpu = (await hasAdapter(first)) ? first : await openSoftware();
  if (gpu) instances.set(key, gpu);
  return gpu ?? first;
}

async function loadDawn(): Promise<((flags: string[]) => GPU) | NoWebGpu> {
  try {
    return (await import("webgpu")).create;
  } catch (cause) {
    const [reason] = (cause instanceof Error ? cause.message : String(cause)).split("\n");
    const where = `${runtime.name} on ${process.platform}-${process.arch}`;
    const missing = `The package webgpu could not be loaded (${where}): ${reason}`;
    return { missing, advice: packageAdvice(runtime), cause };
  }
}

/** What to do if the package is missing or has no native binary for this system. */
export function packageAdvice(program: Pick<Runtime, "name">): string {
  const install = `Install it with \`${installCommand("webgpu", program)}\`. It supports Linux with glibc, macOS and Windows, on x64 and arm64.`;
  if (program.name === "Deno") {
    return `Run Deno with --unstable-webgpu and without DALLE2_DAWN_FLAGS: it has its own WebGPU. ${install}`;
  }
  return `${install} Or run \`${dalle2Command("", { name: "Deno" })}\`: Deno has its own WebGPU.`;
}

/** Adds the default toggles. Dawn only reads the last list of toggles, so all of them go into one list. */
export function withDefaults(flags: readonly string[]): string[] {
  const given = flags.filter((flag) => flag.startsWith(ENABLE)).map((flag) => flag.slice(ENABLE.length));
  const others = flags.filter((flag) => !flag.startsWith(ENABLE));
  return [`${ENABLE}${[...DEFAULT_FEATURES, ...given].join(",")}`, ...others];
}

/** Whether Dawn finds an adapter. Dawn loads the drivers synchronously in the first call, so their warnings can be dropped. */
async function hasAdapter(gpu: GPU): Promise<boolean> {
  return (await withoutLines(REDUCED_LIMIT, () => gpu.requestAdapter())) !== null;
}

/** Tries the software drivers by their manifests. The loader reads the variable when the first adapter is requested. */
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
  const swiftShader = SWIFTSHADER_FOLDERS.map((folder) => join(folder, "vk_swiftshader_icd.json"));
  return [...lavapipeManifests(), ...swiftShader.filter((file) => existsSync(file))];
}
