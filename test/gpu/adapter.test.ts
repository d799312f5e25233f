import { expect, it } from "vitest";
import { adapterNames } from "../../src/gpu/adapter.js";

it("names vendor and device where wgpu gives numbers, and leaves Dawn's names", () => {
  const info = { architecture: "", isFallbackAdapter: false, subgroupMinSize: 4, subgroupMaxSize: 32 };
  const wgpu = { ...info, vendor: "4318", device: "8976", description: "NVIDIA H100" } as GPUAdapterInfo;
  expect(adapterNames(wgpu)).toEqual({ vendor: "nvidia", device: "NVIDIA H100", description: "NVIDIA H100" });
  const unknown = { ...info, vendor: "1", device: "0", description: "A new GPU" } as GPUAdapterInfo;
  expect(adapterNames(unknown)).toEqual({ vendor: "1", device: "A new GPU", description: "A new GPU" });
  const dawn = { ...info, vendor: "amd", device: "RADV PHOENIX", description: "radv: Mesa 25" } as GPUAdapterInfo;
  expect(adapterNames(dawn)).toEqual({ vendor: "amd", device: "RADV PHOENIX", description: "radv: Mesa 25" });
});
