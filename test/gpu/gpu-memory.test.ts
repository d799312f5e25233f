import { expect, it } from "vitest";
import { GpuOutOfMemoryError } from "../../src/gpu/errors.js";
import { openGpu } from "../../src/gpu/open.js";
import { linear } from "../../src/ops/linear.js";
import { Arena } from "../../src/tensor/arena.js";
import { failNextBuffer } from "../support/gpu.js";

function doubled(arena: Arena, values: readonly number[]): Promise<Float32Array> {
  using weight = arena.packed([4, 4]);
  arena.stream.write(weight.storage, new Float32Array([2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2]));
  using x = arena.from(values, [1, 4]);
  using y = linear(x, weight);
  return y.read();
}

it("reports what the device has no memory for, only to the call that needs it", async () => {
  using gpu = await openGpu();
  const arena = new Arena(gpu.stream());
  expect([...(await doubled(arena, [1, 2, 3, 4]))]).toEqual([2, 4, 6, 8]);
  gpu.trim();
  const x = arena.from([1, 2, 3, 4], [1, 4]);
  const weight = arena.packed([4, 4]);
  arena.stream.clear(weight.storage);
  failNextBuffer(gpu);
  const y = linear(x, weight);
  // Commands with the invalid buffer are invalid, too. The cause is reported.
  const error: unknown = await y.read().catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(GpuOutOfMemoryError);
  expect((error as Error).message).toContain("could not allocate 256 bytes for tensor f32[1, 4]");
  y.dispose();
  // The invalid buffer is not reused.
  expect([...(await doubled(arena, [1, 2, 3, 4]))]).toEqual([2, 4, 6, 8]);
});

it("reports missing memory to the call that needs it, even if another call waits at the same time", async () => {
  using gpu = await openGpu();
  const arena = new Arena(gpu.stream());
  const { stream } = arena;
  stream.clear(arena.empty([1, 4], "f32").storage);
  const other = stream.sync();
  failNextBuffer(gpu);
  stream.clear(arena.empty([1, 4], "f32").storage);
  const [first, second] = await Promise.allSettled([other, stream.sync()]);
  expect(first.status).toBe("fulfilled");
  expect(second).toMatchObject({ status: "rejected", reason: expect.any(GpuOutOfMemoryError) as unknown });
});

it("keeps within a memory limit, and destroys buffers kept for reuse if they exceed it", async () => {
  using gpu = await openGpu({ memoryLimit: 8192 });
  const arena = new Arena(gpu.stream());
  const use = (bytes: number) => {
    const tensor = arena.empty([1, bytes / 4], "f32");
    arena.stream.clear(tensor.storage);
    return tensor;
  };
  use(6144).dispose();
  expect(gpu.memory()).toMatchObject({ liveBytes: 0, pooledBytes: 6144 });
  using small = use(4096);
  expect(gpu.memory()).toMatchObject({ liveBytes: small.storage.byteLength, pooledBytes: 0 });
  expect(() => use(6144)).toThrow(GpuOutOfMemoryError);
  expect(() => use(6144)).toThrow("needs 6144 bytes of GPU memory, but memoryLimit is 8192 bytes and 4096 are in use");
  using fits = use(4096);
  expect(gpu.memory()).toMatchObject({ live: 2, peakAllocatedBytes: 8192 });
  await arena.stream.sync();
  expect(fits.isDisposed).toBe(false);
});

it("does not destroy buffers that encoded but not submitted work uses", async () => {
  using gpu = await openGpu({ poolBytes: 0 });
  const arena = new Arena(gpu.stream());
  // Without a pool each buffer is destroyed when it is released, here long before the work runs.
  const y = arena.scope(() => {
    const weight = arena.packed([4, 4]);
    arena.stream.clear(weight.storage);
    return linear(arena.from([1, 2, 3, 4], [1, 4]), weight);
  });
  gpu.trim();
  expect([...(await y.read())]).toEqual([0, 0, 0, 0]);
});
