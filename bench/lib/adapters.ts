import { existsSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { AdapterDescription } from "../../src/gpu/adapter.js";

/** Where Linux distributions keep the manifests of software drivers for Vulkan. */
const SOFTWARE = {
  lavapipe: [["/usr/share/vulkan/icd.d", /^lvp_icd.*\.json$/]],
  swiftshader: [
    ["/usr/lib/chromium", /^vk_swiftshader_icd\.json$/],
    ["/usr/share/vulkan/icd.d", /swiftshader.*\.json$/],
  ],
} as const satisfies Readonly<Record<string, readonly (readonly [folder: string, file: RegExp])[]>>;

/**
 * Makes this process, and those that it starts, use one driver: "lavapipe", "swiftshader", or the path of a Vulkan manifest. It must
 * be called before WebGPU is loaded.
 */
export function chooseDriver(adapter: string): void {
  process.env.XDG_RUNTIME_DIR ??= tmpdir();
  process.env.VK_ICD_FILENAMES = manifestOf(adapter);
}

function manifestOf(adapter: string): string {
  if (adapter.endsWith(".json")) return resolve(adapter);
  const known: Readonly<Record<string, readonly (readonly [string, RegExp])[]>> = SOFTWARE;
  for (const [folder, pattern] of known[adapter] ?? []) {
    const file = existsSync(folder) ? readdirSync(folder).find((name) => pattern.test(name)) : undefined;
    if (file !== undefined) return join(folder, file);
  }
  const names = Object.keys(SOFTWARE).join(", ");
  throw new Error(`--adapter ${adapter}: not found. Give ${names}, or the path of a Vulkan manifest (.json).`);
}

/** A short name for an adapter and its driver: "lavapipe-25.0", "swiftshader", "nvidia-hopper". */
export function labelOf({ description, device, vendor, architecture }: AdapterDescription): string {
  const names = `${device} ${description}`;
  const mesa = /Mesa (\d+\.\d+)/.exec(names)?.[1];
  if (/llvmpipe|lavapipe/i.test(names)) return mesa === undefined ? "lavapipe" : `lavapipe-${mesa}`;
  if (/swiftshader/i.test(names)) return "swiftshader";
  return [vendor, architecture].filter((part) => part !== "").join("-") || "gpu";
}
