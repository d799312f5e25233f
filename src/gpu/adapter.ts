/** Describes the open adapter. */
export interface AdapterDescription {
  /** Vendor, as in WebGPU, for example `nvidia`. Like the next three, empty if it is not known. */
  readonly vendor: string;
  /** Family of GPUs, for example `ampere`. */
  readonly architecture: string;
  /** Number that the vendor gave the device. */
  readonly device: string;
  /** Name that the driver reports. */
  readonly description: string;
  /** What implements WebGPU: "Dawn" (Node, Bun, Chrome), "wgpu" (Deno, Firefox) or "WebKit" (Safari). */
  readonly implementation: string;
  /** Whether the driver computes on the CPU (lavapipe, SwiftShader). */
  readonly isSoftware: boolean;
  /** Invocations of each subgroup, if all subgroups have the same number and it is known. */
  readonly lanes?: number | undefined;
  /** Matrices that a subgroup multiplies in hardware, halves with sums in f32, if it can. */
  readonly matrix?: MatrixSize | undefined;
  /** Bytes of its memory, if known. A software adapter uses the memory of the system. */
  readonly memoryBytes?: number | undefined;
}

/** The name of an adapter for people, as far as it is known: browsers tell little of it. */
export function adapterName({ vendor, architecture, device, description }: AdapterDescription): string {
  return description || device || [vendor, architecture].filter((word) => word !== "").join(" ");
}

/** A product of matrices, rows × inner by inner × columns. */
export interface MatrixSize {
  /** Rows of the left matrix and of the result. */
  readonly rows: number;
  /** Columns of the right matrix and of the result. */
  readonly columns: number;
  /** Columns of the left matrix, and rows of the right one. */
  readonly inner: number;
}

/** Optional WebGPU features that the library uses. */
export interface GpuFeatures {
  /** Half precision in kernels (`shader-f16`). */
  readonly f16: boolean;
  /** Subgroup operations (`subgroups`). */
  readonly subgroups: boolean;
  /** Matrix products in hardware (`chromium-experimental-subgroup-matrix`). */
  readonly subgroupMatrix: boolean;
  /** Timestamps, to measure kernels (`timestamp-query`). */
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
 *
 * @internal
 */
export function adapterNames(info: GPUAdapterInfo): Pick<AdapterDescription, "vendor" | "device" | "description"> {
  const { vendor, device, description } = info;
  return {
    vendor: isNumber(vendor) ? (VENDORS.get(Number(vendor)) ?? vendor) : vendor,
    device: isNumber(device) ? description : device,
    description,
  };
}
