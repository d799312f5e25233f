import type { AdapterDescription, GpuFeatures } from "./adapter.js";

/** When and how a kernel computes products (`linear`, `conv2d`). */
export interface ProductRule {
  /**
   * `direct` reads from storage and runs everywhere. `broadcast` shares loads between the lanes of a subgroup, for adapters
   * that compute on the CPU. `uniform` reads weights at the same address in all lanes, for those among them that then load once.
   * `tiled` shares loads through workgroup memory, and `matrix` multiplies halves by the matrix units
   * of a GPU: both are for GPUs.
   */
  readonly kernel: "direct" | "broadcast" | "uniform" | "tiled" | "matrix";
  /** `broadcast`: rows of x that each lane loads, at most 4. Default: 1. */
  readonly ownRows?: number;
  /** `tiled`, `matrix`: rows and columns of the result that a workgroup computes. */
  readonly tile?: readonly [rows: number, columns: number];
  /**
   * `tiled`, `matrix`: about how many workgroups fill the adapter. A product with fewer tiles divides its sums among more
   * workgroups. Default: 1.
   */
  readonly fill?: number;
  /** The rule is only for results with at least so many rows (tokens or pixels). Default: 1. */
  readonly minRows?: number;
  /** The rule is only for results with at most so many columns (of a part of the weight that is bound). Default: Infinity. */
  readonly maxColumns?: number;
}

/** When and how a kernel computes attention. */
export interface AttentionRule {
  /**
   * `direct`, `broadcast`: as for products. `team` divides a head among the lanes of a subgroup, and `matrix` multiplies halves
   * by the matrix units of a GPU: both are for GPUs.
   */
  readonly kernel: "direct" | "broadcast" | "team" | "matrix";
  /** `broadcast`: keys that each lane loads at a time. */
  readonly ownKeys?: number;
  /** `matrix`: rows of scores that a workgroup computes, and keys at a time. A row is a query of one of its heads. */
  readonly tile?: readonly [rows: number, keys: number];
  /** The rule is only for at least so many queries of heads that read the same keys. Default: 1. */
  readonly minRows?: number;
  /** The rule is only for at least so many keys, with the null key. Default: 1. */
  readonly minKeys?: number;
}

/** Kernels that software adapters take seconds to compile, and run slowly. */
const FOR_GPUS: ReadonlySet<string> = new Set<(ProductRule | AttentionRule)["kernel"]>(["tiled", "matrix", "team"]);

/** Whether a rule is for GPUs only. */
function isForGpus({ kernel }: { readonly kernel: string }): boolean {
  return FOR_GPUS.has(kernel);
}

/** Whether a table is for GPUs: some of its rules are. */
export function isGpuTable({ products, attention = [] }: TuningTable): boolean {
  return [...products, ...attention].some(isForGpus);
}

/** Size of the tiles of Winograd's convolutions: F(2×2, 3×3) or F(4×4, 3×3). */
export type WinogradForm = "f2" | "f4";

/**
 * Which 3×3 convolutions are computed by Winograd's products (Lavin & Gray 2015). Their weights are transformed after they are
 * loaded, and what that gives takes another 16/9 (f2) or 4 times (f4) their memory in f32. Only where activations are f32, by
 * `broadcast` kernels.
 */
export interface WinogradRule {
  /** Size of the tiles. */
  readonly form: WinogradForm;
  /** The rule is only for convolutions with at least so many input channels, and output channels. Default: 1. */
  readonly minChannels?: number;
  /** The rule is only for convolutions whose transformed filters take at most so many bytes. Default: no limit. */
  readonly maxBytes?: number;
  /**
   * The rule is only for images of at least so many tiles of 2×2 (f2) or 4×4 (f4) pixels; smaller ones are convolved by their
   * sums, with the weights as they were loaded. Default: 1.
   */
  readonly minTiles?: number;
}

/** When and how kernels compute group norms. */
export interface GroupNormRule {
  /** `chunked` has three launches and much parallelism. `whole` has one launch, with a workgroup for each group. */
  readonly kernel: "chunked" | "whole";
  /** `whole`: invocations of a workgroup. */
  readonly invocations?: number;
  /** The rule is only for samples with at most so many positions. Default: Infinity. */
  readonly maxPositions?: number;
}

/**
 * Which variants of kernels an adapter runs fastest. The same adapter, dtype and table give the same bytes, so the `id`
 * stands in the record of an image.
 */
export interface TuningTable {
  /** Its name: two tables with the same rules have the same. */
  readonly id: string;
  /** For each product, the first rule that fits it and that the adapter can run. If none does: `direct`. */
  readonly products: readonly ProductRule[];
  /** For each 3×3 convolution with stride 1, the first rule that fits it. Default: none. */
  readonly winograd?: readonly WinogradRule[];
  /**
   * Whether weights of products that a file has in f16 are stored in f16 also where activations are f32. They are the same
   * numbers in half the memory. Default: false.
   */
  readonly keepsHalfWeights?: boolean;
  /** The same for attention. Default: none. */
  readonly attention?: readonly AttentionRule[];
  /** The same for group norms. If none fits: `chunked`. Default: none. */
  readonly groupNorm?: readonly GroupNormRule[];
}

/** What kernels and the format of weights depend on. A `GpuDevice` has it. */
export interface DeviceFacts {
  /** Describes the adapter. */
  readonly adapter: AdapterDescription;
  /** The optional features that are enabled. */
  readonly features: GpuFeatures;
  /** Which variants of kernels it runs. */
  readonly tuning: TuningTable;
}

/** Runs everywhere; for software adapters that no other table is for. */
export const portableTable: TuningTable = { id: "portable", products: [] };

/** Mesa's lavapipe up to 25.0: a load takes as long as some hundred multiplications. */
const lavapipe: TuningTable = {
  id: "lavapipe-2",
  // A workgroup has 8 rows for each that a lane owns: more are faster, if few of them are beyond the last row.
  products: [
    { kernel: "broadcast", ownRows: 4, minRows: 49 },
    { kernel: "broadcast", ownRows: 2, minRows: 33 },
    { kernel: "broadcast", ownRows: 4, minRows: 17 },
    { kernel: "broadcast", ownRows: 2, minRows: 9 },
    { kernel: "broadcast", ownRows: 1 },
  ],
  winograd: [{ form: "f4", minChannels: 48, maxBytes: 64 * 2 ** 20, minTiles: 4 }],
  keepsHalfWeights: true,
  attention: [
    { kernel: "broadcast", ownKeys: 2, minKeys: 128 },
    { kernel: "broadcast", ownKeys: 1 },
  ],
  groupNorm: [{ kernel: "whole", invocations: 8 }],
};

/**
 * Mesa's lavapipe since 26.1, with eight lanes: a load at one address for all lanes is one load, so narrow products have
 * `uniform` kernels. Winograd's products are slower than on 25.0, so they are for large levels.
 */
const lavapipe26: TuningTable = {
  id: "lavapipe-26-1",
  products: [
    { kernel: "uniform", minRows: 64, maxColumns: 16 },
    { kernel: "broadcast", ownRows: 4, minRows: 48 },
    { kernel: "broadcast", ownRows: 1 },
  ],
  winograd: [{ form: "f4", minChannels: 192, maxBytes: 64 * 2 ** 20 }],
  keepsHalfWeights: true,
  attention: [
    { kernel: "broadcast", ownKeys: 4, minKeys: 64 },
    { kernel: "broadcast", ownKeys: 1 },
  ],
  groupNorm: [{ kernel: "whole", invocations: 8 }],
};

/** The same with sixteen lanes: on processors with vectors of 512 bits. */
const lavapipe26Wide: TuningTable = {
  ...lavapipe26,
  id: "lavapipe-26-wide-1",
  products: [
    { kernel: "uniform", minRows: 64, maxColumns: 32 },
    { kernel: "broadcast", ownRows: 2, minRows: 32 },
    { kernel: "broadcast", ownRows: 1 },
  ],
  groupNorm: [{ kernel: "whole", invocations: 16 }],
};

/** SwiftShader has four lanes. */
const swiftShader: TuningTable = {
  id: "swiftshader-2",
  products: [
    { kernel: "broadcast", ownRows: 2, minRows: 5 },
    { kernel: "broadcast", ownRows: 1 },
  ],
  winograd: [{ form: "f4", minChannels: 16, maxBytes: 64 * 2 ** 20 }],
  attention: [
    { kernel: "broadcast", ownKeys: 4, minKeys: 9 },
    { kernel: "broadcast", ownKeys: 2 },
  ],
  groupNorm: [{ kernel: "whole", invocations: 4 }],
};

/** GPUs. What an adapter lacks, as matrix units, its products leave out. */
const gpu: TuningTable = {
  id: "gpu-1",
  products: [
    { kernel: "matrix", tile: [128, 64], fill: 480, minRows: 4096 },
    { kernel: "matrix", tile: [64, 64], fill: 480, minRows: 64 },
    { kernel: "matrix", tile: [32, 64], fill: 480, minRows: 17 },
    { kernel: "matrix", tile: [16, 64], fill: 480 },
    { kernel: "tiled", tile: [64, 64], fill: 480, minRows: 33 },
    { kernel: "tiled", tile: [32, 128], fill: 480 },
  ],
  // No GPU has measured the limits yet: from 64 rows and keys on, the largest tiles are full.
  attention: [
    { kernel: "matrix", tile: [64, 64], minRows: 64, minKeys: 64 },
    { kernel: "matrix", tile: [64, 32], minRows: 64, minKeys: 64 },
    { kernel: "matrix", tile: [32, 32], minRows: 64, minKeys: 64 },
    { kernel: "matrix", tile: [32, 16], minRows: 64, minKeys: 64 },
    { kernel: "team" },
  ],
  groupNorm: [{ kernel: "whole", invocations: 256, maxPositions: 1024 }],
};

/** All tables that come with the package. */
export const shippedTables: readonly TuningTable[] = [
  portableTable,
  lavapipe,
  lavapipe26,
  lavapipe26Wide,
  swiftShader,
  gpu,
];

/** Returns how many invocations the subgroups of adapters have that a table is for. Of software adapters most have 8. */
export function lanesOf(table: TuningTable): number {
  if (isGpuTable(table)) return 32;
  if (table === swiftShader) return 4;
  return table === lavapipe26Wide ? 16 : 8;
}

/**
 * Returns the table for an adapter: the one that was measured on software adapters like it, or that of GPUs. Browsers hide names:
 * Chromium says vendor and architecture, Safari the vendor, Firefox nothing.
 */
export function shippedTable(adapter: AdapterDescription): TuningTable {
  if (isSwiftShader(adapter)) return swiftShader;
  if (isLavapipe(adapter)) return lavapipeTable(adapter);
  return adapter.isSoftware ? portableTable : gpu;
}

function lavapipeTable(adapter: AdapterDescription): TuningTable {
  if (compareVersions(mesaVersion(adapter) ?? MESA_25, MESA_26) < 0) return lavapipe;
  return adapter.lanes === 16 ? lavapipe26Wide : lavapipe26;
}

function isSwiftShader(adapter: AdapterDescription): boolean {
  return /swiftshader/i.test(namesOf(adapter));
}

/** Whether the adapter is, or in a browser may be, Mesa's software driver. */
export function isLavapipe(adapter: AdapterDescription): boolean {
  const { vendor, architecture, implementation, isSoftware } = adapter;
  if (/llvmpipe|lavapipe/i.test(namesOf(adapter))) return true;
  // What Dawn calls lavapipe.
  if (vendor === "mesa" && architecture === "software") return true;
  // The software adapter of wgpu, without its names. On Windows it may be another, for which no table was measured.
  return isSoftware && implementation === "wgpu" && namesOf(adapter).trim() === "";
}

function namesOf({ architecture, device, description }: AdapterDescription): string {
  return `${architecture} ${device} ${description}`;
}

/** Major and minor version of Mesa. */
type MesaVersion = readonly [major: number, minor: number];

/** Versions of Mesa whose lavapipe the shipped tables were measured on. Older ones than the first have its costs. */
const MESA_25: MesaVersion = [25, 0];
const MESA_26: MesaVersion = [26, 1];

function mesaVersion({ description }: AdapterDescription): MesaVersion | undefined {
  const [, major, minor] = /Mesa (\d+)\.(\d+)/.exec(description) ?? [];
  return major === undefined ? undefined : [Number(major), Number(minor)];
}

const compareVersions = (a: MesaVersion, b: MesaVersion): number => a[0] - b[0] || a[1] - b[1];

/** Whether a driver computes on the CPU and no shipped table was measured on it, or on versions with the same costs. */
export function isUnmeasured(adapter: AdapterDescription): boolean {
  if (!adapter.isSoftware || isSwiftShader(adapter)) return false;
  const version = mesaVersion(adapter);
  if (!isLavapipe(adapter) || version === undefined) return true;
  return compareVersions(version, MESA_25) > 0 && compareVersions(version, MESA_26) !== 0;
}
