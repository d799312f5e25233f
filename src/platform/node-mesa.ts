// Mesa's software driver (lavapipe): where it is, and the width of its vectors.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import process from "node:process";

const MANIFEST_FOLDERS = ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];
const LAVAPIPE = /^lvp_icd.*\.json$/;

/** Returns the manifests of lavapipe on Linux. */
export function lavapipeManifests(): string[] {
  return MANIFEST_FOLDERS.filter((folder) => existsSync(folder)).flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => LAVAPIPE.test(file))
      .map((file) => join(folder, file)),
  );
}

/** Extensions of processors that compute with vectors of 512 bits. */
const AVX512 = ["avx512f", "avx512bw", "avx512dq", "avx512vl"];

/** Vulkan 1.4.354 is in Mesa 26.1: the oldest that was measured to be faster with 512 bits. Mesa 25.0 is slower. */
const LEAST_VULKAN = [1, 4, 354] as const;

/**
 * Lets lavapipe use vectors of 512 bits where the processor has them: Mesa uses 256 unless it is told. The variable must be set
 * before the driver is loaded, and nobody else reads it. One that the user has set stays.
 */
export function widenVectors(environment: NodeJS.ProcessEnv = process.env): void {
  if (process.platform !== "linux" || process.arch !== "x64") return;
  if (environment.LP_NATIVE_VECTOR_WIDTH !== undefined) return;
  const chosen = environment.VK_DRIVER_FILES ?? environment.VK_ICD_FILENAMES;
  const manifests = chosen?.split(":").filter((file) => LAVAPIPE.test(basename(file))) ?? lavapipeManifests();
  const areNew = manifests.length > 0 && manifests.every((file) => isNewEnough(textOf(file)));
  if (areNew && hasAvx512(textOf("/proc/cpuinfo"))) environment.LP_NATIVE_VECTOR_WIDTH = "512";
}

/** Whether a manifest is of a Mesa that is faster with wide vectors. */
export function isNewEnough(manifest: string): boolean {
  const version = /"api_version"\s*:\s*"(\d+)\.(\d+)\.(\d+)"/.exec(manifest)?.slice(1).map(Number) ?? [];
  const first = LEAST_VULKAN.findIndex((least, i) => version[i] !== least);
  return version.length > 0 && (first === -1 || version[first]! > LEAST_VULKAN[first]!);
}

/** Whether the processor that /proc/cpuinfo describes has vectors of 512 bits. */
export function hasAvx512(cpuinfo: string): boolean {
  const flags = /^flags\s*:(.*)$/m.exec(cpuinfo)?.[1]?.split(" ") ?? [];
  return AVX512.every((flag) => flags.includes(flag));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    // A manifest that cannot be read is not of a known driver.
    return "";
  }
}
