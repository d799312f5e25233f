// Dawn, by the package `webgpu`: its toggles, and the driver it runs on.
import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { dalle2Command, installCommand, runtime, type Runtime } from "./node-runtime.js";
import { withoutLines } from "./node-stderr.js";
import type { NoWebGpu } from "./platform.js";

const ENABLE = "enable-dawn-features=";

/** Toggles of Dawn that are on by default. */
const DEFAULT_FEATURES = [
  // NVIDIA's Vulkan driver has f16, Dawn hides it behind this one.
  "vulkan_enable_f16_on_nvidia",
  // Otherwise Dawn puts buffers below 4 MiB into heaps of its own, which it keeps until the device is destroyed: `trim` would
  // give none of them back.
  "disable_resource_suballocation",
];

/** What Dawn says of drivers that allow more than it does, which is nobody's concern; no toggle keeps it quiet. */
const REDUCED_LIMIT = /^Warning: maxDynamic(Uniform|Storage)BuffersPerPipelineLayout artificially reduced from /;

const MANIFEST_FOLDERS = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
const SWIFTSHADER_FOLDERS = ["/usr/lib/chromium", "/usr/lib/chromium-browser", "/opt/google/chrome"];

// Dawn's objects do not keep their instance alive, and an instance that is collected takes its devices down.
const instances = new Map<string, GPU>();

/**
 * Tries what the system's loader finds (it puts GPUs before software drivers), then lavapipe alone, then the SwiftShader
 * that Chromium brings; the software drivers first where they are preferred. A driver chosen by the caller in
 * `VK_DRIVER_FILES` or `VK_ICD_FILENAMES` is the only one tried.
 */
export async function openDawn(ownFlags: readonly string[], preferSoftware: boolean): Promise<GPU | NoWebGpu> {
  const flags = withDefaults(ownFlags);
  const key = JSON.stringify([flags, preferSoftware, process.env.VK_DRIVER_FILES, process.env.VK_ICD_FILENAMES]);
  const known = instances.get(key);
  if (known) return known;

  const create = await loadDawn();
  if (typeof create !== "function") return create;
  // Mesa's window-system code complains without it, also when nothing is ever shown.
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
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

/** What to do where the package is missing, or has no native part for this system. */
export function packageAdvice(program: Pick<Runtime, "name">): string {
  const install = `Install it with \`${installCommand("webgpu", program)}\`; it runs on Linux with glibc, macOS and Windows, on x64 and arm64.`;
  if (program.name === "Deno") {
    return `Run Deno with --unstable-webgpu and without DALLE2_DAWN_FLAGS: it has a WebGPU of its own. ${install}`;
  }
  return `${install} Or run \`${dalle2Command("", { name: "Deno" })}\`: Deno has a WebGPU of its own.`;
}

/** Adds the default toggles. Dawn reads the last list of toggles alone, so that all of them go into one. */
export function withDefaults(flags: readonly string[]): string[] {
  const given = flags.filter((flag) => flag.startsWith(ENABLE)).map((flag) => flag.slice(ENABLE.length));
  const others = flags.filter((flag) => !flag.startsWith(ENABLE));
  return [`${ENABLE}${[...DEFAULT_FEATURES, ...given].join(",")}`, ...others];
}

/** Dawn looks at the drivers in the first call, before it returns. */
async function hasAdapter(gpu: GPU): Promise<boolean> {
  return (await withoutLines(REDUCED_LIMIT, () => gpu.requestAdapter())) !== null;
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
