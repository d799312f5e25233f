import { beforeAll, afterAll, describe, expect, it } from "vitest";
import { GpuDevice } from "../../src/gpu/device.js";
import { specialise, type KernelSource } from "../../src/gpu/kernel-source.js";
import { kernels } from "../../src/gpu/kernel-sources.js";
import { loadKernels } from "../../src/gpu/later-kernels.js";
import { openGpu } from "../../src/gpu/open.js";
import { shippedTable } from "../../src/gpu/tuning.js";
import { attentionKernel } from "../../src/ops/attention-kernels.js";
import { productKernel } from "../../src/ops/product/kernels.js";

// Kernels by matrix units, with the sizes of GPUs, are valid and need no more workgroup memory than there is. Where WGSL has matrix
// units (Mesa from 26.1 on), it is compiled; a device that does not have them in these sizes then refuses to run it.

const gpu = await openGpu();
afterAll(() => {
  gpu.dispose();
});
const device = gpu.device as GPUDevice;
const table = shippedTable({
  ...gpu.adapter,
  vendor: "nvidia",
  architecture: "",
  device: "",
  description: "",
  isSoftware: false,
});

/** Lanes, and rows × columns × inner of matrices: of NVIDIA's GPUs, Apple's, and Intel's. */
const sizes = [
  [32, 16, 16, 16],
  [32, 16, 8, 16],
  [32, 8, 8, 8],
  [16, 8, 16, 16],
] as const;

/** Returns what a device says of a kernel: faults of the code, then why it cannot run. */
async function problemsOf(source: KernelSource, constants: Readonly<Record<string, number>>): Promise<string[]> {
  const code = specialise(source, { types: { Element: "f16" }, constants });
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  device.createComputePipeline({ layout: "auto", compute: { module } });
  const error = await device.popErrorScope();
  return [...messages.map(({ message }) => message), ...(error ? [error.message] : [])];
}

describe.skipIf(!gpu.features.subgroupMatrix || !gpu.features.f16).each(sizes)(
  "%i lanes, matrices %i × %i × %i",
  (lanes, rows, columns, inner) => {
    const own = new GpuDevice(device, { ...gpu.adapter, lanes, matrix: { rows, columns, inner } }, gpu.features, {
      tuning: table,
    });
    beforeAll(() => loadKernels("matrix"));
    const limits = gpu.device.limits;
    const bytes = limits.maxComputeWorkgroupStorageSize;
    const invocations = limits.maxComputeInvocationsPerWorkgroup;

    it.each([
      [bytes, 64],
      [bytes, 40],
      [bytes / 2, 32],
    ])("attention in %i bytes, heads of %i", async (limit, dimHead) => {
      using stream = own.stream({ workgroupLimits: { bytes: limit, invocations } });
      const call = { rows: 64, keys: 64, dimHead4: dimHead / 4, dtype: "f16", isInUnits: true } as const;
      const { name, constants } = attentionKernel(stream, call);
      expect(name).toBe("matrixAttention");
      for (const problem of await problemsOf(kernels.matrixAttention, constants))
        expect(problem).toMatch(/^Subgroup matrix usage found which is not supported by the device/);
    });

    it.each([16, 32, 64, 4096])("products of %i rows", async (count) => {
      using stream = own.stream({ workgroupLimits: { bytes, invocations } });
      const size = { rows: count, vectors: 64, channels4: 64, taps: 1, partialBytes: 0 };
      const { linear, constants } = productKernel(stream, { ...size, dtype: "f16", weights: "f16" });
      expect(linear).toBe("matrixMatmul");
      for (const problem of await problemsOf(kernels.matrixMatmul, constants))
        expect(problem).toMatch(/^Subgroup matrix usage found which is not supported by the device/);
    });
  },
);
