import { ArgumentError } from "../../src/platform/arguments.js";
import { spawn } from "node:child_process";
import { describe, expect, it } from "vitest";
import { DeviceLostError, GpuLimitError, GpuValidationError } from "../../src/gpu/errors.js";
import { openGpu } from "../../src/gpu/open.js";
import { linear } from "../../src/ops/linear.js";
import { Arena } from "../../src/tensor/arena.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { sharedGpu } from "../support/gpu.js";

const identity = (arena: Arena, n: number): Tensor => {
  const weight = arena.packed([n, n]);
  const values = new Float32Array(n * n);
  for (let i = 0; i < n; i++) values[i * n + i] = 1;
  arena.stream.write(weight.storage, values);
  return weight;
};

describe("memory", () => {
  it("frees the tensors of a scope, except its result", async () => {
    const arena = new Arena((await sharedGpu()).stream());
    const before = (await sharedGpu()).memory().live;
    const weight = identity(arena, 8);
    const x = arena.from([1, 2, 3, 4, 5, 6, 7, 8], [1, 8]);
    const kept = arena.scope(() => {
      const inner = arena.scope(() => ({ a: linear(x, weight), list: [linear(x, weight)] }));
      linear(inner.a, weight);
      return linear(inner.list[0]!, weight);
    });
    expect((await sharedGpu()).memory().live).toBe(before + 3);
    expect([...(await kept.read())]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    for (const tensor of [kept, x, weight]) tensor.dispose();
    expect((await sharedGpu()).memory().live).toBe(before);
  });

  it("frees the tensors of a scope when it throws", async () => {
    const arena = new Arena((await sharedGpu()).stream());
    const before = (await sharedGpu()).memory().live;
    const fail = () =>
      arena.scope(() => {
        arena.from([1, 2, 3, 4], [4]);
        throw new Error("no");
      });
    expect(fail).toThrow("no");
    expect((await sharedGpu()).memory().live).toBe(before);
  });

  it("allocates nothing in a second equal run", async () => {
    const gpu = await sharedGpu();
    const arena = new Arena(gpu.stream());
    const run = async () => {
      const weight = identity(arena, 64);
      let x = arena.from(new Float32Array(640), [10, 64]);
      for (let step = 0; step < 5; step++) {
        const next = arena.scope(() => linear(linear(x, weight), weight));
        x.dispose();
        x = next;
      }
      await x.read();
      x.dispose();
      weight.dispose();
    };
    await run();
    const { created, live } = gpu.memory();
    await run();
    expect(gpu.memory()).toMatchObject({ created, live });
  });

  it("keeps a reshaped view alive when the original is disposed", async () => {
    const arena = new Arena((await sharedGpu()).stream());
    const x = arena.from([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]);
    const view = x.reshape([1, 8]);
    x.dispose();
    expect([...(await view.read())]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    view.dispose();
    expect(() => {
      arena.stream.clear(view.storage);
    }).toThrow(/disposed/);
  });

  it("refuses a reshape across padding", async () => {
    const arena = new Arena((await sharedGpu()).stream());
    using x = arena.from([1, 2, 3, 4, 5, 6], [2, 3]);
    expect(() => x.reshape([3, 2])).toThrow(ArgumentError);
  });

  it("does not upload before work that reads the old content", async () => {
    const arena = new Arena((await sharedGpu()).stream());
    using weight = identity(arena, 4);
    using x = arena.from([1, 2, 3, 4], [1, 4]);
    using y = linear(x, weight);
    arena.upload(x, [9, 9, 9, 9]);
    expect([...(await y.read())]).toEqual([1, 2, 3, 4]);
  });

  it("warms up without memory", async () => {
    const gpu = await openGpu();
    const arena = new Arena(gpu.stream({ executor: "compile" }));
    const y = arena.scope(() => linear(arena.from(new Float32Array(8), [2, 4]), arena.packed([4, 4])));
    expect([...(await y.read())]).toEqual(new Array(8).fill(0));
    await arena.stream.sync();
    expect(gpu.memory()).toMatchObject({ live: 0, created: 0 });
    gpu.dispose();
  });
});

describe("errors", () => {
  it("names the limit that a tensor exceeds", async () => {
    const gpu = await openGpu({ maxBufferSize: 2 ** 20 });
    const create = () => new Arena(gpu.stream()).empty([1025, 256]);
    expect(create).toThrow(GpuLimitError);
    expect(create).toThrow(
      /^tensor f32\[1025, 256\] needs 1049600 bytes in one buffer, but this adapter allows only 1048576 \(maxBufferSize\)/,
    );
    gpu.dispose();
  });

  it("reports a validation error once, at the next wait", async () => {
    const gpu = await openGpu();
    const arena = new Arena(gpu.stream());
    // More workgroups than the limit of a dimension.
    const x = arena.from([1, 2, 3, 4], [1, 4]);
    const weight = identity(arena, 4);
    arena.stream.dispatch("matmul", {
      bindings: {
        x: x.storage,
        w: weight.storage,
        bias: undefined,
        residual: undefined,
        y: arena.empty([1, 4]).storage,
      },
      params: {
        rows: 1,
        inner_vectors: 1,
        first_vector: 0,
        panel_vectors: 1,
        column_vectors: 1,
        activation: 0,
        has_bias: 0,
        has_residual: 0,
      },
      grid: [65536, 1, 1],
    });
    await expect(arena.stream.sync()).rejects.toThrow(GpuValidationError);
    expect([...(await linear(x, weight).read())]).toEqual([1, 2, 3, 4]);
    gpu.dispose();
  });

  it("reports a lost device, and a new one works", async () => {
    const gpu = await openGpu();
    const arena = new Arena(gpu.stream());
    const x = arena.from([1, 2, 3, 4], [1, 4]);
    gpu.device.destroy();
    await gpu.device.lost;
    await expect(x.read()).rejects.toThrow(DeviceLostError);
    using other = await openGpu();
    const again = new Arena(other.stream());
    expect([...(await again.from([5], [1]).read())]).toEqual([5]);
  });
});

it("a process ends by itself when its work is done", async () => {
  // Plain JavaScript with the built package, like the script of a user.
  const script = `
    const { openGpu } = await import("./dist/gpu/open.js");
    const { Arena } = await import("./dist/tensor/arena.js");
    const arena = new Arena((await openGpu()).stream());
    console.log((await arena.from([1, 2, 3], [3]).read()).join());
  `;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const code = await new Promise((resolve) => child.on("exit", resolve));
  expect({ code, output: output.trim() }).toEqual({ code: 0, output: "1,2,3" });
}, 20_000);
