import { afterAll, describe, expect, it } from "vitest";
import { openGpu } from "../../../src/gpu/open.js";
import type { ProductRule } from "../../../src/gpu/tuning.js";
import type { Activation } from "../../../src/ops/activation.js";
import { conv2d } from "../../../src/ops/conv.js";
import { linear } from "../../../src/ops/linear.js";
import { packRows } from "../../../src/ops/pack.js";
import { quantize } from "../../../src/ops/quantize.js";
import { Arena } from "../../../src/tensor/arena.js";
import { padChannels, type ComputeType } from "../../../src/tensor/dtype.js";
import { fromHalf, toHalf } from "../../../src/tensor/half.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { expectClose, Random, sharedGpu } from "../../support/gpu.js";
import { decodeInt8 } from "../../support/int8.js";
import { conv64, linear64, type ConvCase } from "../../support/oracle-gemm.js";

// The kernels for GPUs, which also run on software adapters: those through workgroup memory on all, those by matrix units on
// Mesa from 26.1 on. `fill` makes small products divide their sums among workgroups.

/** As in test/ops/gemm.test.ts. */
const bounds = { f32: { maxRelative: 1e-5 }, f16: { maxRelative: 6e-4, nmse: 1e-6 } } as const;

interface Variant {
  readonly rule: ProductRule;
  readonly dtype: ComputeType;
}
const { features, adapter } = await sharedGpu();
// Software adapters take seconds to compile a kernel with workgroup memory, so there are few.
const tiled: readonly Variant[] = [
  { rule: { kernel: "tiled", tile: [64, 64] }, dtype: "f32" },
  { rule: { kernel: "tiled", tile: [32, 128], fill: 4096 }, dtype: "f16" },
];
const matrix: readonly Variant[] = [
  { rule: { kernel: "matrix", tile: [32, 32] }, dtype: "f16" },
  { rule: { kernel: "matrix", tile: [64, 64], fill: 4096 }, dtype: "f16" },
  { rule: { kernel: "matrix", tile: [16, 64] }, dtype: "f16" },
];
const hasMatrices = features.subgroupMatrix && adapter.matrix !== undefined;
const variants = [...tiled, ...(hasMatrices ? matrix : [])].filter(({ dtype }) => dtype === "f32" || features.f16);
const activations: readonly Activation[] = ["none", "silu", "gelu"];
const exact = (random: Random, count: number, scale = 1): Float32Array =>
  random.normals(count, scale).map((value) => fromHalf(toHalf(value)));

function packed(arena: Arena, weight: Float32Array, shape: readonly number[]): Tensor {
  const [inputs = 1, rows = 1] = shape.slice(-2);
  const taps = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  const target = arena.adopt(arena.packed(shape));
  const padded = new Float32Array(padChannels(weight.length));
  padded.set(weight);
  packRows(arena.from(padded, [padded.length], "f32"), target, { firstRow: 0, rows, inputs, taps });
  return target;
}

/** Inner axes from this length on are divided if a rule has `fill`; such rules get no others, so that less is compiled. */
const DIVIDED = 200;

// Edges of tiles in rows, columns and the inner axis. Rows of matrices must be whole units of eight channels.
const linears = [
  [2, 16, 8],
  [33, 72, 40],
  [70, 264, 136],
] as const;
const convs: readonly ConvCase[] = [
  { batch: 2, height: 5, width: 7, inputs: 24, outputs: 40, kernel: [3, 3], stride: 1, padding: 1 },
  { batch: 1, height: 9, width: 8, inputs: 72, outputs: 8, kernel: [4, 4], stride: 2, padding: 1 },
  { batch: 3, height: 3, width: 4, inputs: 8, outputs: 72, kernel: [2, 3], stride: 1, padding: 2 },
  { batch: 2, height: 8, width: 7, inputs: 24, outputs: 40, kernel: [3, 3], stride: 2, padding: 0, paddingAfter: 1 },
];
/** What only the kernels through workgroup memory compute. */
const oddLinears = [[5, 6, 7]] as const;
const oddConvs: readonly ConvCase[] = [
  { batch: 1, height: 9, width: 10, inputs: 3, outputs: 6, kernel: [7, 7], stride: 1, padding: 3 },
];

describe.each(variants)("products by $rule.kernel, tiles of $rule.tile, in $dtype", ({ rule, dtype }) => {
  const gpu = openGpu({ tuning: { id: "forced", products: [rule] } });
  afterAll(async () => {
    (await gpu).dispose();
  });
  const random = new Random(6);
  const isTiled = rule.kernel === "tiled";

  /** Runs `body` and checks the result, and that it was computed by the kernel of the rule, with `splits` then added. */
  async function check(body: (arena: Arena) => Tensor, expected: Float64Array, splits: boolean): Promise<void> {
    const kernels: string[] = [];
    using stream = (await gpu).stream({
      onCommand: (command) => {
        if (command.kind === "dispatch") kernels.push(command.key.split(" ")[0]!);
      },
    });
    const arena = new Arena(stream, dtype, { guards: true });
    const y = body(arena);
    const products = kernels.filter((name) => name !== "packWeights");
    expect(products[0]).toContain(rule.kernel);
    expect(products.slice(1)).toEqual(splits ? ["splitSum"] : []);
    expectClose(await y.read(), expected, bounds[dtype]);
    await arena.checkGuards();
  }

  const isDivided = rule.fill !== undefined;
  const allLinears = [...linears, ...(isTiled ? oddLinears : [])];
  it.each(allLinears.filter(([, inputs]) => !isDivided || inputs > DIVIDED))(
    "linear [%i, %i] to %i",
    async (rows, inputs, outputs) => {
      const x = exact(random, rows * inputs);
      const w = exact(random, outputs * inputs, inputs ** -0.5);
      const [bias, residual] = [exact(random, outputs), exact(random, rows * outputs)];
      const activation = random.pick(activations);
      const expected = linear64(x, w, [rows, inputs, outputs], { activation, bias, residual });
      await check(
        (arena) => {
          const epilogue = {
            bias: arena.from(bias, [outputs], "f32"),
            residual: arena.from(residual, [rows, outputs]),
          };
          return linear(arena.from(x, [rows, inputs]), packed(arena, w, [inputs, outputs]), {
            activation,
            ...epilogue,
          });
        },
        expected,
        isDivided,
      );
    },
  );

  const allConvs = [...convs, ...(isTiled ? oddConvs : [])];
  it.each(allConvs.filter(({ kernel: [kh, kw], inputs }) => !isDivided || kh * kw * inputs > DIVIDED))(
    "conv2d $batch×$height×$width×$inputs to $outputs, $kernel stride $stride padding $padding",
    async (c) => {
      const [kh, kw] = c.kernel;
      const x = exact(random, c.batch * c.height * c.width * c.inputs);
      const w = exact(random, c.outputs * c.inputs * kh * kw, (c.inputs * kh * kw) ** -0.5);
      const bias = exact(random, c.outputs);
      const activation = random.pick(activations);
      await check(
        (arena) => {
          const image = arena.from(x, [c.batch, c.height, c.width, c.inputs]);
          const weight = packed(arena, w, [kh, kw, c.inputs, c.outputs]);
          const { stride, padding: before, paddingAfter: after = before } = c;
          const padding = [before, after] as const;
          return conv2d(image, weight, { activation, bias: arena.from(bias, [c.outputs], "f32"), stride, padding });
        },
        conv64(x, w, c, { activation, bias }),
        isDivided,
      );
    },
  );
});

describe("products through workgroup memory read weights in int8", () => {
  const gpu = openGpu({ tuning: { id: "forced", products: [{ kernel: "tiled", tile: [64, 64], fill: 4096 }] } });
  afterAll(async () => {
    (await gpu).dispose();
  });
  const random = new Random(9);

  // The sums of the second one are divided among workgroups.
  it.each([
    { batch: 1, height: 3, width: 5, inputs: 6, outputs: 10, kernel: [1, 1], stride: 1, padding: 0 },
    { batch: 2, height: 5, width: 7, inputs: 24, outputs: 40, kernel: [3, 3], stride: 1, padding: 1 },
  ] satisfies ConvCase[])("$inputs to $outputs, $kernel", async (c) => {
    using stream = (await gpu).stream();
    const arena = new Arena(stream, "f32", { guards: true });
    const { batch, height, width, inputs, outputs, kernel, stride, padding } = c;
    const shape = [...kernel, inputs, outputs];
    const size = inputs * kernel[0] * kernel[1];
    const [x, bias] = [exact(random, batch * height * width * inputs), exact(random, outputs)];
    const weight = arena.adopt(arena.packed(shape, "int8"));
    quantize(packed(arena, exact(random, outputs * size, size ** -0.5), shape), weight);
    const options = { bias: arena.from(bias, [outputs], "f32"), stride, padding };
    const y = conv2d(arena.from(x, [batch, height, width, inputs]), weight, options);
    const expected = conv64(x, (await decodeInt8(weight)).values, c, { activation: "none", bias });
    expectClose(await y.read(), expected, bounds.f32);
    await arena.checkGuards();
  });
});

describe("a device whose workgroups have little memory", () => {
  const tuning = { id: "forced", products: [{ kernel: "tiled", tile: [64, 64] }] } as const;

  it.each([
    { bytes: 16384, kernel: "tiledMatmul" },
    { bytes: 4096, kernel: "matmul" },
  ])("computes products with $kernel if they have $bytes bytes", async ({ bytes, kernel }) => {
    const [rows, inputs, outputs] = [33, 72, 40];
    const random = new Random(7);
    const ran = new Set<string>();
    using stream = (await sharedGpu()).stream({
      tuning,
      workgroupLimits: { bytes, invocations: 256 },
      onCommand: (command) => {
        if (command.kind === "dispatch") ran.add(/^\w+/.exec(command.key)![0]);
      },
    });
    const arena = new Arena(stream);
    const [x, w] = [random.normals(rows * inputs), random.normals(inputs * outputs)];
    const y = linear(arena.from(x, [rows, inputs]), packed(arena, w, [inputs, outputs]));
    expectClose(await y.read(), linear64(x, w, [rows, inputs, outputs], { activation: "none" }), bounds.f32);
    expect(ran).toContain(kernel);
  });
});
