/** What the opened adapter is. */
export interface AdapterDescription {
  /** Who made it, as WebGPU names them: `nvidia`. Empty where it is not told, as the next three. */
  readonly vendor: string;
  /** Its family: `ampere`. */
  readonly architecture: string;
  /** Its number, by its vendor. */
  readonly device: string;
  /** Its name, as the driver tells it. */
  readonly description: string;
  /** What implements WebGPU: "Dawn" (Node, Bun, Chrome), "wgpu" (Deno, Firefox) or "WebKit" (Safari). */
  readonly implementation: string;
  /** A driver that computes on the CPU (lavapipe, SwiftShader). */
  readonly isSoftware: boolean;
  /** Bytes of its memory, where that is known: the system's for a software adapter. */
  readonly memoryBytes?: number | undefined;
}

/** What an adapter may have beyond the minimum of WebGPU. */
export interface GpuFeatures {
  /** Half precision in kernels (`shader-f16`). */
  readonly f16: boolean;
  /** Operations among the invocations of a subgroup (`subgroups`). */
  readonly subgroups: boolean;
  /** Products of small matrices in hardware (`chromium-experimental-subgroup-matrix`). */
  readonly subgroupMatrix: boolean;
  /** Times of kernels (`timestamp-query`). */
  readonly timestamps: boolean;
}

/** Vendors by their number at PCI-SIG, or at Khronos from 0x10000, with the names that Dawn gives. */
const VENDORS: ReadonlyMap<number, string> = new Map([
  [0x1002, "amd"],
  [0x1010, "img-tec"],
  [0x106b, "apple"],
  [0x10de, "nvidia"],
  [0x13b5, "arm"],
  [0x1414, "microsoft"],
  [0x144d, "samsung"],
  [0x5143, "qualcomm"],
  [0x8086, "intel"],
  [0x10005, "mesa"],
]);

const isNumber = (text: string): boolean => /^\d+$/.test(text);

/** Names of an adapter. wgpu gives numbers for vendor and device, and the device's name as the description. */
export function adapterNames(info: GPUAdapterInfo): Pick<AdapterDescription, "vendor" | "device" | "description"> {
  const { vendor, device, description } = info;
  return {
    vendor: isNumber(vendor) ? (VENDORS.get(Number(vendor)) ?? vendor) : vendor,
    device: isNumber(device) ? description : device,
    description,
  };
}
