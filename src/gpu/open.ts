import { adapterAdvice, implementationOf, openWebGpu, systemMemory } from "#platform";
import type { WebGpuOptions } from "../platform/platform.js";
import { GpuUnavailableError } from "./errors.js";
import { loadKernels } from "./later-kernels.js";
import { adapterNames, type AdapterDescription, type GpuFeatures, type MatrixSize } from "./adapter.js";
import { checkGpuOptions, GpuDevice, type GpuOptions } from "./device.js";
import type { TuningTable } from "./tuning.js";

/** Finds the tuning table for a device that was just opened. Undefined: the shipped table for its adapter. */
export type TuningSource = (gpu: GpuDevice) => Promise<TuningTable | undefined>;

/** Options of `openGpu`. */
export interface OpenGpuOptions extends Omit<GpuOptions, "tuning"> {
  /**
   * Variants of kernels to use: a table (`parseTuningTable`), or what finds it (`keptTuning()`: the table that `dalle2 tune`
   * or `tuneGpu` kept). Default: the table that was measured on adapters like this one.
   */
  readonly tuning?: TuningTable | TuningSource | undefined;
  /** Features to ignore even if the adapter has them. */
  readonly without?: readonly (keyof GpuFeatures)[];
  /** Which kind of adapter to prefer if both exist. Default: the GPU. */
  readonly prefer?: "gpu" | "software" | undefined;
}

/** Limits that are raised to those of the adapter; the others keep WebGPU's defaults. */
const RAISED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
] as const;

const FEATURES = {
  f16: "shader-f16",
  subgroups: "subgroups",
  subgroupMatrix: "chromium-experimental-subgroup-matrix",
  timestamps: "timestamp-query",
} as const satisfies Record<keyof GpuFeatures, string>;

/**
 * Opens the best adapter of the preferred kind, with all its features. Throws `ArgumentError` if a limit is not a
 * number of bytes, and `GpuUnavailableError` if nothing implements WebGPU here or there is no adapter. Dawn's Null
 * backend, which computes nothing, does not count.
 *
 * @example
 * using gpu = await openGpu({ memoryLimit: 4 * 2 ** 30 });
 * using manager = await DalleModelManager.create("gradio", { gpu, offload: "idle" });
 */
export async function openGpu(options: OpenGpuOptions = {}): Promise<GpuDevice> {
  checkGpuOptions(options);
  const preferSoftware = options.prefer === "software";
  const entry = await openEntry({ preferSoftware });
  const adapter = await requestAdapter(entry, preferSoftware);
  if (!adapter) throw new GpuUnavailableError("No WebGPU adapter found.", { advice: adapterAdvice() });
  const description = describeAdapter(adapter.info, implementationOf(entry));
  if (/\bnull\b/i.test(`${adapter.info.description} ${adapter.info.device}`)) {
    throw new GpuUnavailableError("Only Dawn's Null backend was found, which computes nothing.", {
      advice: adapterAdvice(),
    });
  }
  const offered = (name: keyof GpuFeatures) => adapter.features.has(FEATURES[name]) && !options.without?.includes(name);
  const features: GpuFeatures = {
    f16: offered("f16"),
    subgroups: offered("subgroups"),
    subgroupMatrix: offered("subgroupMatrix"),
    timestamps: offered("timestamps"),
  };
  const names = Object.keys(FEATURES) as (keyof GpuFeatures)[];
  const requiredLimits: Record<string, number> = {};
  for (const name of RAISED_LIMITS) requiredLimits[name] = adapter.limits[name];
  const descriptor: GPUDeviceDescriptor = {
    requiredFeatures: names.filter((name) => features[name]).map((name) => FEATURES[name] as GPUFeatureName),
    requiredLimits,
  };
  if (features.subgroupMatrix && description.matrix) await loadKernels("matrix");
  const device = await adapter.requestDevice(descriptor);
  // An adapter gives one device.
  const openAnother = async () => (await requestAdapter(entry, preferSoftware))?.requestDevice(descriptor);
  const { tuning, ...others } = options;
  const isTable = typeof tuning !== "function";
  const gpu = new GpuDevice(device, description, features, isTable ? { ...others, tuning } : others, openAnother);
  return isTable ? gpu : withTableOf(tuning, gpu);
}

async function withTableOf(source: TuningSource, gpu: GpuDevice): Promise<GpuDevice> {
  try {
    const table = await source(gpu);
    if (table) gpu.useTuning(table);
    return gpu;
  } catch (error) {
    gpu.dispose();
    throw error;
  }
}

/**
 * The entry point of WebGPU. Throws `GpuUnavailableError` where nothing implements it.
 *
 * @internal
 */
export async function openEntry(options?: WebGpuOptions): Promise<GPU> {
  const entry = await openWebGpu(options);
  if (!("missing" in entry)) return entry;
  const { missing, advice, cause } = entry;
  throw new GpuUnavailableError(missing, { cause, advice });
}

async function requestAdapter(entry: GPU, preferSoftware: boolean): Promise<GPUAdapter | null> {
  const fallback = preferSoftware ? await entry.requestAdapter({ forceFallbackAdapter: true }) : null;
  return fallback ?? entry.requestAdapter({ powerPreference: "high-performance" });
}

function describeAdapter(info: GPUAdapterInfo, implementation: string): AdapterDescription {
  const { architecture } = info;
  const names = adapterNames(info);
  const software = /llvmpipe|lavapipe|swiftshader|software|\bcpu\b/i;
  const isSoftware = info.isFallbackAdapter || software.test(`${architecture} ${names.device} ${names.description}`);
  const lanes = info.subgroupMinSize === info.subgroupMaxSize ? info.subgroupMinSize : undefined;
  return {
    ...names,
    architecture,
    implementation,
    isSoftware,
    lanes,
    // Mesa 26.1's software driver crashes in them if its vectors have 512 bits.
    matrix: isSoftware && lanes === 16 ? undefined : matrixSize(info),
    memoryBytes: isSoftware ? systemMemory() : heapBytes(info),
  };
}

/** A product of matrices that subgroups can compute in hardware. Only Dawn reports them, as an experimental feature. */
interface SubgroupMatrixConfig {
  readonly componentType: string;
  readonly resultComponentType: string;
  readonly M: number;
  readonly N: number;
  readonly K: number;
}

/** Returns the largest product of halves with sums in f32 that the kernels can use (kernels/lib/matrix.wgsl). */
function matrixSize(
  info: GPUAdapterInfo & { readonly subgroupMatrixConfigs?: Iterable<SubgroupMatrixConfig> },
): MatrixSize | undefined {
  const sizes = [...(info.subgroupMatrixConfigs ?? [])]
    .filter(({ componentType, resultComponentType }) => componentType === "f16" && resultComponentType === "f32")
    .filter(({ N, K }) => N % 8 === 0 && K % 8 === 0)
    .map(({ M, N, K }) => ({ rows: M, columns: N, inner: K }));
  return sizes.sort((a, b) => b.rows * b.columns * b.inner - a.rows * a.columns * a.inner)[0];
}

/** A memory heap in the adapter info. Only Chromium with "WebGPU Developer Features" reports heaps. */
interface MemoryHeap {
  readonly size: number;
  /** Bit 0 is set for the device's own memory. */
  readonly properties: number;
}

const DEVICE_LOCAL = 1;

function heapBytes(info: GPUAdapterInfo & { readonly memoryHeaps?: readonly MemoryHeap[] }): number | undefined {
  const local = (info.memoryHeaps ?? []).filter(({ properties }) => (properties & DEVICE_LOCAL) !== 0);
  return local.length > 0 ? Math.max(...local.map(({ size }) => size)) : undefined;
}
