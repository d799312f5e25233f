import { afterAll, beforeAll, describe, it } from "vitest";
import type { GpuDevice } from "../../../src/gpu/device.js";
import { openGpu } from "../../../src/gpu/open.js";
import type { ProductRule } from "../../../src/gpu/tuning.js";
import type { Activation } from "../../../src/ops/activation.js";
import { conv2d } from "../../../src/ops/conv.js";
import { convTranspose2d } from "../../../src/ops/conv-transpose.js";
import { linear } from "../../../src/ops/linear.js";
import { packRows } from "../../../src/ops/pack.js";
import { quantize } from "../../../src/ops/quantize.js";
import { Arena } from "../../../src/tensor/arena.js";
import { padChannels, type WeightType } from "../../../src/tensor/dtype.js";
import { fromHalf, toHalf } from "../../../src/tensor/half.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { expectClose, Random } from "../../support/gpu.js";
import { decodeInt8 } from "../../support/int8.js";
import { conv64, convTranspose64, linear64 } from "../../support/oracle-gemm.js";

// Every kernel for products, with every format of weights that it reads, whatever the table of this machine's adapter says.

/** As in test/ops/gemm.test.ts. */
const bounds = { maxRelative: 1e-5 };

const rules: readonly ProductRule[] = [
  { kernel: "direct" },
  { kernel: "broadcast", ownRows: 1 },
  { kernel: "broadcast", ownRows: 2 },
  { kernel: "broadcast", ownRows: 4 },
  { kernel: "uniform" },
];
const formats: readonly WeightType[] = ["f32", "f16", "int8"];
const activations: readonly Activation[] = ["none", "silu", "gelu"];

const exact = (random: Random, count: number, scale = 1): Float32Array =>
  random.normals(count, scale).map((value) => fromHalf(toHalf(value)));

interface Packing {
  readonly dtype: WeightType;
  /** `[..., in, out]`, or for a transposed convolution `[4, 4, out, in]`. */
  readonly shape: readonly number[];
  readonly isTransposed?: boolean;
}

/** Packs a weight, and returns it with its values, which are others in int8. */
async function packed(
  arena: Arena,
  weight: Float32Array,
  { dtype, shape, isTransposed = false }: Packing,
): Promise<readonly [Tensor, Float32Array]> {
  const [inputs = 1, rows = 1] = shape.slice(-2);
  const taps = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  const target = arena.adopt(arena.packed(shape, dtype === "int8" ? "f32" : dtype));
  const padded = new Float32Array(padChannels(weight.length));
  padded.set(weight);
  packRows(arena.from(padded, [padded.length], "f32"), target, { firstRow: 0, rows, inputs, taps, isTransposed });
  if (dtype !== "int8") return [target, weight];
  const quantized = arena.adopt(arena.packed(shape, "int8", "", isTransposed ? inputs : rows));
  quantize(target, quantized, { isTransposed });
  return [quantized, (await decodeInt8(quantized, isTransposed)).values];
}

describe.each(rules)("products by $kernel, $ownRows own rows", (rule) => {
  let gpu: GpuDevice;
  beforeAll(async () => {
    gpu = await openGpu({ tuning: { id: "forced", products: [rule] } });
  });
  afterAll(() => {
    gpu.dispose();
  });
  const random = new Random(5);

  it.each(formats)("read weights in %s", async (dtype) => {
    using stream = gpu.stream();
    const arena = new Arena(stream, "f32", { guards: true });
    const [batch, height, width] = [random.integer(1, 3), random.integer(3, 9), random.integer(3, 9)];
    const [inputs, outputs] = [random.integer(1, 20), random.integer(1, 40)];
    const pixels = batch * height * width;
    const x = exact(random, pixels * inputs);
    const activation = random.pick(activations);
    const bias = exact(random, outputs);
    const residual = exact(random, pixels * outputs);
    const image = arena.from(x, [batch, height, width, inputs]);
    const epilogue = { activation, bias: arena.from(bias, [outputs], "f32") };
    const added = arena.from(residual, [batch, height, width, outputs]);

    const values = exact(random, outputs * inputs, inputs ** -0.5);
    const [matrix, w] = await packed(arena, values, { dtype, shape: [inputs, outputs] });
    const product = linear64(x, w, [pixels, inputs, outputs], { activation, bias, residual });
    expectClose(await linear(image, matrix, { ...epilogue, residual: added }).read(), product, bounds);

    const values3 = exact(random, outputs * inputs * 9, (9 * inputs) ** -0.5);
    const [kernel, w3] = await packed(arena, values3, { dtype, shape: [3, 3, inputs, outputs] });
    const c = { batch, height, width, inputs, outputs, kernel: [3, 3], stride: 1, padding: 1 } as const;
    const convolved = conv64(x, w3, c, { activation, bias, residual });
    expectClose(await conv2d(image, kernel, { ...epilogue, residual: added, padding: 1 }).read(), convolved, bounds);

    const values4 = exact(random, outputs * inputs * 16, (4 * inputs) ** -0.5);
    const [transposed, w4] = await packed(arena, values4, {
      dtype,
      shape: [4, 4, outputs, inputs],
      isTransposed: true,
    });
    const doubled = convTranspose64(x, w4, c, { activation, bias });
    expectClose(await convTranspose2d(image, transposed, epilogue).read(), doubled, bounds);
    await arena.checkGuards();
  });
});
