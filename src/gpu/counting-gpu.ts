import { Gpu } from "./gpu.js";

/** Larger than what any model asks for, and still a number that sums stay exact with. */
const UNLIMITED = 2 ** 48;

/**
 * A device that computes nothing and holds nothing, to count by `memory()` what a run takes. What is read from it is zero.
 * It needs no adapter.
 */
export function openCountingGpu(): Gpu {
  const adapter = { vendor: "", architecture: "", device: "", description: "counting", isSoftware: true };
  const features = { f16: true, subgroups: false, subgroupMatrix: false, timestamps: false };
  return new Gpu(countingDevice(), adapter, features, {}, true);
}

/** As much of WebGPU's device as `Gpu` uses. */
function countingDevice(): GPUDevice {
  const done = (): void => undefined;
  const buffer = ({ size }: GPUBufferDescriptor) => ({
    destroy: done,
    mapAsync: () => Promise.resolve(),
    getMappedRange: () => new ArrayBuffer(size),
  });
  const pass = { setPipeline: done, setBindGroup: done, dispatchWorkgroups: done, end: done };
  const encoder = { beginComputePass: () => pass, clearBuffer: done, copyBufferToBuffer: done, finish: () => ({}) };
  const device = {
    limits: {
      maxStorageBufferBindingSize: UNLIMITED,
      maxBufferSize: UNLIMITED,
      minUniformBufferOffsetAlignment: 256,
    },
    lost: new Promise<never>(done),
    queue: { writeBuffer: done, submit: done, onSubmittedWorkDone: () => Promise.resolve() },
    addEventListener: done,
    createBuffer: buffer,
    createShaderModule: () => ({ getCompilationInfo: () => Promise.resolve({ messages: [] }) }),
    createBindGroupLayout: () => ({}),
    createPipelineLayout: () => ({}),
    createComputePipeline: () => ({}),
    createComputePipelineAsync: () => Promise.resolve({}),
    createBindGroup: () => ({}),
    createCommandEncoder: () => encoder,
    pushErrorScope: done,
    popErrorScope: () => Promise.resolve(null),
    destroy: done,
  };
  return device as unknown as GPUDevice;
}
