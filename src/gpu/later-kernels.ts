// Kernels that few adapters or programs use: their WGSL is loaded when it is needed. So are the places of their lines.
import { loadPart } from "../platform/load-part.js";
import type { KernelFiles, KernelName, KernelSource } from "./kernel-source.js";
import { kernels } from "./kernel-sources.js";

/** The WGSL of kernels by name. */
type Group = () => Promise<{ readonly later: Readonly<Partial<Record<KernelName, Pick<KernelSource, "code">>>> }>;

/** `matrix`: for adapters with matrix units. `peaks`: for measuring what an adapter can do at most. */
const GROUPS = {
  matrix: () => import("./kernel-sources-matrix.js"),
  peaks: () => import("./kernel-sources-peaks.js"),
} as const satisfies Readonly<Record<string, Group>>;

/** Loads the WGSL of a group of kernels, which can be used from then on. In a page, rejects with `FileError`. */
export async function loadKernels(group: keyof typeof GROUPS): Promise<void> {
  const { later } = await loadPart<Awaited<ReturnType<Group>>>(`the kernels of ${group}`, GROUPS[group]);
  for (const [name, { code }] of Object.entries(later)) {
    const kernel: KernelSource = kernels[name as KernelName];
    if (kernel.code === "") Object.assign(kernel, { code });
  }
}

/** The lines of files that a kernel consists of, for messages of compilers. None if they cannot be loaded: the message counts more. */
export async function loadFiles(kernel: KernelName): Promise<KernelFiles["files"]> {
  try {
    const { files } = await import("./kernel-sources-files.js");
    return files[kernel];
  } catch {
    return [];
  }
}
