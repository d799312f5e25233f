/** Describes the open adapter. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** What implements WebGPU: "Dawn" (Node, Bun, Chrome), "wgpu" (Deno, Firefox) or "WebKit" (Safari). */
  readonly implementation: string;
  /** Whether the driver computes on the CPU (lavapipe, SwiftShader). */
  readonly isSoftware: boolean;
  /** Bytes of its memory, if known. A software adapter uses the memory of the system. */
  readonly memoryBytes?: number | undefined;
}

/** Optional WebGPU features that the library uses. */
export interface GpuFeatures {
  readonly f16: boolean;
  readonly subgroups: boolean;
  readonly subgroupMatrix: boolean;
  readonly timestamps: boolean;
}

/** Vendors by number: from PCI-SIG, or from Khronos if 0x10000 or above. Names are those of Dawn. */
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

/**
 * Returns the names of an adapter. wgpu reports numbers for vendor and device, and the name of the device as
 * description.
 */
export function adapterNames(info: GPUAdapterInfo): Pick<AdapterDescription, "vendor" | "device" | "description"> {
  const { vendor, device, description } = info;
  return {
    vendor: isNumber(vendor) ? (VENDORS.get(Number(vendor)) ?? vendor) : vendor,
    device: isNumber(device) ? description : device,
    description,
  };
}
