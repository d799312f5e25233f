import { afterAll, describe, expect, it } from "vitest";
import { GpuLimitError } from "../../src/gpu/errors.js";
import { attention, prepareHeads } from "../../src/ops/attention.js";
import { convTranspose2d } from "../../src/ops/conv-transpose.js";
import { conv2d } from "../../src/ops/conv.js";
import { activate, add, affine, clamp, combine, geglu, multiply, scaleBy, swiglu } from "../../src/ops/elementwise.js";
import { embedding } from "../../src/ops/embedding.js";
import { FiniteWatch } from "../../src/ops/finite.js";
import {
  cast,
  concatBatch,
  concatChannels,
  concatTokens,
  padTokens,
  repeatBatch,
  selectBatch,
  sliceChannels,
  sliceTokens,
  splitChannels,
} from "../../src/ops/layout.js";
import { linearAttention } from "../../src/ops/linear-attention.js";
import { linear } from "../../src/ops/linear.js";
import { groupNorm } from "../../src/ops/group-norm.js";
import { l2Norm, layerNorm, weightStandardize } from "../../src/ops/norm.js";
import { packRows, uploadMatrix } from "../../src/ops/pack.js";
import { patches } from "../../src/ops/patches.js";
import { averagePool, meanToken } from "../../src/ops/pool.js";
import { quantile } from "../../src/ops/reduce.js";
import { resizeCubic, resizeNearest } from "../../src/ops/resize.js";
import {
  ddimNumbers,
  ddimStep,
  ddpmNumbers,
  ddpmStep,
  dpmppNumbers,
  dpmppStep,
  dynamicThreshold,
  guide,
  maskedBlend,
  predictX0,
  stepCombine,
  x0Numbers,
} from "../../src/ops/sampler.js";
import { quantize } from "../../src/ops/quantize.js";
import { nonZeroRows, selectRows, visibleTokens } from "../../src/ops/select.js";
import { pixelShuffle, pixelUnshuffle } from "../../src/ops/shuffle.js";
import { spatialModulation } from "../../src/ops/spatial-modulation.js";
import { StepInputs, stepRow, writeStepTokens } from "../../src/ops/step-inputs.js";
import { openGpu } from "../../src/gpu/open.js";
import { Arena } from "../../src/tensor/arena.js";
import { bytesPerElement, padChannels, type DType } from "../../src/tensor/dtype.js";
import { Tensor } from "../../src/tensor/tensor.js";
import { Random, sharedGpu, testableTypes } from "../support/gpu.js";

const { tuning, adapter } = await sharedGpu();
// A group norm in one launch is not split. GPUs divide sums by the number of rows, so parts add in another order.
const products = adapter.isSoftware ? tuning.products : [];
const gpu = await openGpu({ tuning: { ...tuning, products, groupNorm: [] } });
const canCompute16 = gpu.features.f16;

afterAll(() => {
  gpu.dispose();
});

/** An operation on random tensors. */
class Inputs {
  constructor(
    readonly arena: Arena,
    readonly random: Random,
  ) {}

  tensor(shape: readonly number[], dtype: DType = this.arena.dtype): Tensor {
    const count = shape.reduce((product, size) => product * size, 1);
    return this.arena.from(this.random.normals(count), shape, dtype);
  }

  f32(...shape: number[]): Tensor {
    return this.tensor(shape, "f32");
  }

  /** u32 values below `end`. */
  ids(shape: readonly number[], end: number): Tensor {
    const count = shape.reduce((product, size) => product * size, 1);
    const values = Array.from({ length: count }, () => this.random.integer(0, end - 1));
    return this.arena.from(values, shape, "u32");
  }

  /** A packed weight `[...kernel, in, out]`, from a torch weight in two pieces. */
  weight(
    shape: readonly number[],
    { isTransposed = false, dtype }: { readonly isTransposed?: boolean; readonly dtype?: DType } = {},
  ): Tensor {
    const [inputs = 1, outputs = 1] = shape.slice(-2);
    const taps = shape.slice(0, -2).reduce((product, size) => product * size, 1);
    const packed = this.arena.adopt(this.arena.packed(shape, dtype));
    const cut = Math.min(outputs, 4 * this.random.integer(1, 3));
    for (const [firstRow, rows] of [
      [0, cut],
      [cut, outputs - cut],
    ] as const) {
      if (rows === 0) continue;
      const size = padChannels(rows * inputs * taps);
      const values = this.random.normals(rows * inputs * taps, (inputs * taps) ** -0.5);
      const source = new Float32Array(size);
      source.set(values);
      packRows(this.arena.from(source, [size], "f32"), packed, { firstRow, rows, inputs, taps, isTransposed });
    }
    return packed;
  }
}

type Operation = (inputs: Inputs) => Tensor | readonly Tensor[];

/** What an operation computes, and how many kernels it ran. */
async function compute(
  body: Operation,
  dtype: "f32" | "f16",
  seed: number,
  maxBindingSize?: number,
): Promise<{ readonly values: readonly Float32Array[]; readonly dispatches: number }> {
  using stream = gpu.stream(maxBindingSize === undefined ? {} : { maxBindingSize });
  const arena = new Arena(stream, dtype, { guards: true });
  const { dispatches } = gpu.counters;
  const values: Float32Array[] = [];
  const results = arena.scope(() => body(new Inputs(arena, new Random(seed))));
  for (const tensor of results instanceof Tensor ? [results] : results) {
    values.push(await tensor.read());
    tensor.dispose();
  }
  await arena.checkGuards();
  return { values, dispatches: gpu.counters.dispatches - dispatches };
}

/** Images of odd sizes, so that most rows begin where no binding may begin. */
const image = ({ random }: Inputs): [batch: number, height: number, width: number, channels: number] => [
  random.integer(1, 3),
  random.integer(9, 15),
  random.integer(3, 7),
  random.integer(1, 11),
];

const tokens = ({ random }: Inputs): [batch: number, length: number, channels: number] => [
  random.integer(1, 3),
  random.integer(20, 45),
  random.integer(5, 19),
];

/** Runs `body` with the current pass of a run of two. */
function inSteps({ arena }: Inputs, body: (steps: StepInputs) => readonly Tensor[]): readonly Tensor[] {
  using steps = new StepInputs(arena, 2);
  steps.goTo(1);
  return body(steps);
}

const both = (a: number, b: number) => [
  [a, b],
  [b, a],
];

const OPERATIONS: Readonly<Record<string, Operation>> = {
  "pointwise operations": (inputs) => {
    const x = inputs.tensor(image(inputs));
    return [activate(x, "gelu"), affine(x, 2, 1), clamp(x, 0.1, 0.5)];
  },
  "gated linear units": (inputs) => {
    const [batch, length, channels] = tokens(inputs);
    const x = inputs.tensor([batch, length, 2 * channels]);
    return [swiglu(x), geglu(x)];
  },
  "operations on two tensors": (inputs) => {
    const [batch, height, width, channels] = image(inputs);
    const a = inputs.tensor([batch, height, width, channels]);
    return [
      add(a, inputs.tensor(a.shape)),
      multiply(a, inputs.tensor([channels])),
      combine(a, 2, inputs.tensor([1, height, width, channels]), -1),
      add(a, inputs.tensor([batch, 1, 1, channels])),
    ];
  },
  linear: (inputs) => {
    const [batch, length, channels] = tokens(inputs);
    const outputs = inputs.random.integer(5, 40);
    const weight = inputs.weight([channels, outputs]);
    const bias = inputs.f32(outputs);
    const residual = inputs.tensor([batch, length, outputs]);
    return linear(inputs.tensor([batch, length, channels]), weight, { bias, residual, activation: "silu" });
  },
  "products with weights in int8": (inputs) => {
    const { arena, random } = inputs;
    const [batch, height, width, channels] = image(inputs);
    const outputs = random.integer(10, 40);
    const kernel = arena.adopt(arena.packed([3, 3, channels, outputs], "int8"));
    const transposed = arena.adopt(arena.packed([4, 4, outputs, channels], "int8", "", outputs));
    for (let firstOutput = 0; firstOutput < outputs; firstOutput += 4) {
      const count = Math.min(4, outputs - firstOutput);
      quantize(inputs.weight([3, 3, channels, count], { dtype: "f32" }), kernel, { firstOutput });
      const slice = inputs.weight([4, 4, count, channels], { dtype: "f32", isTransposed: true });
      quantize(slice, transposed, { firstOutput, isTransposed: true });
    }
    const x = inputs.tensor([batch, height, width, channels]);
    return [conv2d(x, kernel, { padding: 1, bias: inputs.f32(outputs) }), convTranspose2d(x, transposed)];
  },
  "linear with a matrix of the file": (inputs) => {
    const [batch, length, channels] = tokens(inputs);
    const outputs = inputs.random.integer(30, 60);
    const weight = inputs.arena.adopt(inputs.arena.packed([channels, outputs]));
    uploadMatrix(inputs.random.normals(channels * outputs), weight);
    return linear(inputs.tensor([batch, length, channels]), weight);
  },
  conv2d: (inputs) => {
    const { random } = inputs;
    const [batch, height, width, channels] = image(inputs);
    const outputs = random.integer(1, 30);
    const [kernel, stride, padding] = [random.integer(2, 4), random.integer(1, 3), random.integer(0, 4)];
    const weight = inputs.weight([kernel, kernel, channels, outputs]);
    const x = inputs.tensor([batch, height, width, channels]);
    const bias = inputs.f32(outputs);
    const y = conv2d(x, weight, { stride, padding, bias, activation: "relu" });
    return conv2d(x, weight, { stride, padding, residual: inputs.tensor(y.shape) });
  },
  "conv2d, padded below and right": (inputs) => {
    const [batch, height, width, channels] = image(inputs);
    const weight = inputs.weight([3, 3, channels, inputs.random.integer(1, 30)]);
    return conv2d(inputs.tensor([batch, height, width, channels]), weight, { stride: 2, padding: [0, 1] });
  },
  "conv2d, 1×1 and standardised": (inputs) => {
    const [batch, height, width, channels] = image(inputs);
    const outputs = inputs.random.integer(6, 40);
    const x = inputs.tensor([batch, height, width, channels]);
    const standardized = inputs.arena.adopt(weightStandardize(inputs.weight([3, 3, channels, outputs])));
    return [conv2d(x, inputs.weight([1, 1, channels, outputs])), conv2d(x, standardized, { padding: 1 })];
  },
  convTranspose2d: (inputs) => {
    const [batch, height, width, channels] = image(inputs);
    const outputs = inputs.random.integer(1, 20);
    const weight = inputs.weight([4, 4, outputs, channels], { isTransposed: true });
    const residual = inputs.tensor([batch, 2 * height, 2 * width, outputs]);
    const bias = inputs.f32(outputs);
    return convTranspose2d(inputs.tensor([batch, height, width, channels]), weight, { bias, residual });
  },
  groupNorm: (inputs) => {
    const [batch, height, width] = image(inputs);
    const channels = 3 * inputs.random.integer(1, 4);
    const x = inputs.tensor([batch, 2 * height, width, channels]);
    const [weight, bias] = [inputs.f32(channels), inputs.f32(channels)];
    const scaleShift = inputs.tensor([batch, 2 * channels]);
    return groupNorm(x, { groups: 3, weight, bias, scaleShift, activation: "silu" });
  },
  "writeStepTokens and stepRow": (inputs) => {
    const { random } = inputs;
    const [batch, length] = tokens(inputs);
    const width = 4 * random.integer(1, 3);
    const target = inputs.tensor([batch, length + 1, width]);
    const steps = new StepInputs(target.arena, 1);
    const rows = (samples: number) => steps.rows(random.normals(2 * samples * width), [2, samples, width], [1]);
    writeStepTokens(target, rows(batch), 1);
    return [target, stepRow(rows(batch), batch), stepRow(rows(1), batch)];
  },
  "layerNorm and l2Norm": (inputs) => {
    const shape = tokens(inputs);
    const x = inputs.tensor(shape);
    const [weight, bias] = [inputs.f32(shape[2]), inputs.f32(shape[2])];
    return [layerNorm(x, { weight, bias, residual: inputs.tensor(shape) }), layerNorm(x, { stable: true }), l2Norm(x)];
  },
  attention: (inputs) => {
    const [batch, length] = tokens(inputs);
    const [heads, dimHead] = [8, inputs.random.integer(3, 8)];
    const head = padChannels(dimHead);
    const rotary = { cos: inputs.f32(length, 1), sin: inputs.f32(length, 1) };
    const q = prepareHeads(inputs.tensor([batch, length, heads * head]), { heads, dimHead, rotary, l2norm: true });
    const kv = inputs.tensor([batch, length, 2 * head]);
    const shared = { q, k: kv, v: kv, vOffset: head, heads, kvHeads: 1, dimHead, scale: 0.3 };
    const causal = { causal: true, nullKv: inputs.f32(2, dimHead), relativeBias: inputs.f32(length, heads) };
    return [attention({ ...shared, keyMask: inputs.ids([batch, length], 2) }), attention({ ...shared, ...causal })];
  },
  "attention whose keys of a sample are split by heads": (inputs) => {
    const [batch, length] = tokens(inputs);
    const [heads, dimHead] = [4, inputs.random.integer(3, 8)];
    const inner = heads * padChannels(dimHead);
    const qkv = inputs.tensor([batch, length, 3 * inner]);
    const relativeBias = inputs.f32(length, heads);
    const keyMask = inputs.ids([batch, length], 2);
    const shared = { heads, kvHeads: heads, dimHead, scale: 0.3, relativeBias, keyMask };
    return attention({ ...shared, q: qkv, k: qkv, v: qkv, kOffset: inner, vOffset: 2 * inner });
  },
  linearAttention: (inputs) => {
    const [heads, dimHead] = [2, inputs.random.integer(3, 8)];
    const qkv = inputs.tensor([2, 32, inputs.random.integer(9, 20), 3 * heads * padChannels(dimHead)]);
    return linearAttention(qkv, { heads, dimHead, variant: "l2v_sqrt" });
  },
  "averagePool and meanToken": (inputs) => {
    const [batch, height, width, channels] = image(inputs);
    const x = inputs.tensor([batch, height, width, channels]);
    const few = inputs.tensor([5, 9, channels]);
    return [averagePool(x, [2, 2]), averagePool(x, [1, 3]), meanToken(few)];
  },
  resizeNearest: (inputs) => {
    const { random } = inputs;
    const x = inputs.tensor(image(inputs));
    return resizeNearest(x, [random.integer(5, 40), random.integer(2, 20)]);
  },
  spatialModulation: (inputs) => {
    const { random } = inputs;
    const [batch, height, width, channels] = image(inputs);
    const map = () => inputs.tensor([batch, rows, columns, channels]);
    const [rows, columns] = [random.integer(2, 20), random.integer(2, 9)];
    return spatialModulation(inputs.tensor([batch, height, width, channels]), {
      scale: map(),
      shift: map(),
      activation: "silu",
    });
  },
  resizeCubic: (inputs) => {
    const { random } = inputs;
    const x = inputs.tensor(image(inputs));
    return resizeCubic(x, [random.integer(5, 40), random.integer(2, 20)]);
  },
  "pixelShuffle and pixelUnshuffle": (inputs) => {
    const [batch, height, width, channels] = image(inputs);
    const x = inputs.tensor([batch, height, width, 4 * channels]);
    return [pixelShuffle(x, { activation: "silu" }), pixelUnshuffle(inputs.tensor([batch, 2 * height, 6, channels]))];
  },
  patches: (inputs) => {
    const [batch, , , channels] = image(inputs);
    return patches(inputs.tensor([batch, 12, 6, Math.min(channels, 4)]), inputs.random.pick([2, 3]));
  },
  "joining channels": (inputs) => {
    const [batch, height, width, channels] = image(inputs);
    const x = inputs.tensor([batch, height, width, channels]);
    const y = inputs.tensor([batch, height, width, inputs.random.integer(1, 9)]);
    const joined = concatChannels([x, y, x], [1, 0.5, 2]);
    return [joined, sliceChannels(joined, 1, channels + 1)];
  },
  "joining tokens": (inputs) => {
    const [batch, length, channels] = tokens(inputs);
    const x = inputs.tensor([batch, length, channels]);
    const joined = concatTokens([x, inputs.tensor([batch, 3, channels]), x]);
    return [joined, sliceTokens(joined, 2, length + 5), padTokens(x, length + 30)];
  },
  "splitting channels": (inputs) => splitChannels(inputs.tensor([3, 10 * 21]), 10),
  "joining batches": (inputs) => {
    const x = inputs.tensor(image(inputs));
    const joined = concatBatch(x, concatBatch(x, inputs.tensor([2, ...x.shape.slice(1)])));
    return [joined, repeatBatch(x, 3), selectBatch(joined, 1, 3)];
  },
  cast: (inputs) => {
    const x = inputs.tensor(image(inputs), "f32");
    // Also where there is no f16: to the same type is no work.
    return canCompute16 ? cast(cast(x, "f16"), "f32") : scaleBy(x, 2);
  },
  embedding: (inputs) => {
    const entries = inputs.random.integer(30, 90);
    return embedding(inputs.tensor([entries, 17]), inputs.ids([3, 37], entries + 2));
  },
  "tokens that are selected": (inputs) => {
    const [batch, length, channels] = tokens(inputs);
    const x = inputs.tensor([batch, length, channels]);
    const [mask, keepMask] = [inputs.ids([batch, length], 2), inputs.ids([batch], 2)];
    const fallback = inputs.tensor([length + 5, channels]);
    const shorter = inputs.tensor([length - 5, channels]);
    const found = nonZeroRows(x);
    return [
      selectRows({ tokens: x, fallback, mask, keepMask }),
      selectRows({ tokens: x, fallback: shorter, keepMask: [1, 0, 1].slice(0, batch) }),
      found,
      visibleTokens({ keepMask, optional: 3, mask, length: length + 2 }),
    ];
  },
  quantile: (inputs) => {
    const x = inputs.f32(9, 7, 5, 3);
    const s = quantile(x, 0.7);
    return [s, dynamicThreshold(x, s)];
  },
  guide: (inputs) => {
    const [batch, ...rest] = image(inputs);
    return guide(inputs.tensor([2 * batch, ...rest]), 3, Math.max(1, rest[2] - 1));
  },
  "steps of samplers": (inputs) =>
    inSteps(inputs, (steps) => {
      const shape = image(inputs);
      const [x, noise, last] = [inputs.tensor(shape, "f32"), inputs.tensor(shape, "f32"), inputs.tensor(shape, "f32")];
      const prediction = inputs.tensor([...shape.slice(0, -1), 2 * shape[3]]);
      const x0 = predictX0(
        x,
        prediction,
        x0Numbers(
          steps,
          both(1, 2).map(([a, b]) => ({ x: a!, prediction: b! })),
        ),
        {
          limit: 1,
        },
      );
      const ddim = { scaleX0: 1, scaleEpsilon: 2, scaleNoise: 3, recip: 4, recipm1: 5 };
      const ddpm = { scaleX0: 1, scaleX: 2, minLog: -3, maxLog: -1 };
      const solver = { scaleX: 1, scaleX0: 2, scaleLast: 3 };
      return [
        ddimStep({ x, x0, noise }, ddimNumbers(steps, [ddim, ddim]), prediction),
        ddpmStep({ x, x0, noise }, ddpmNumbers(steps, [ddpm, ddpm]), { prediction, sigmoid: true }),
        dpmppStep(x, x0, last, dpmppNumbers(steps, [solver, solver])),
        stepCombine(x, noise, steps.numbers(both(1, 2))),
        maskedBlend(x, last, inputs.f32(...shape.slice(0, -1), 1)),
        stepRow(steps.rows(inputs.random.normals(12), [2, 1, 6], [0, 1]), 3),
      ];
    }),
};

/** Times as many bytes as for others, where a line or a sample needs more. */
const FACTORS: Readonly<Record<string, number>> = {
  convTranspose2d: 4,
  "products with weights in int8": 4,
  attention: 3,
  linearAttention: 12,
  resizeCubic: 4,
};

describe.each(await testableTypes())("in %s, split operations compute what whole ones do", (dtype) => {
  it.each(Object.keys(OPERATIONS))("%s", async (name) => {
    let more = 0;
    for (const [seed, limit] of [
      [1, 2048],
      [2, 1536],
      [3, 1100],
      [4, 3000],
    ] as const) {
      const whole = await compute(OPERATIONS[name]!, dtype, seed);
      const split = await compute(OPERATIONS[name]!, dtype, seed, limit * (FACTORS[name] ?? 1));
      // No sum changes its order, so the bits are equal.
      expect(split.values).toEqual(whole.values);
      more += split.dispatches - whole.dispatches;
    }
    expect(more).toBeGreaterThan(0);
  });
});

it("finds values that are not finite in any part", async () => {
  for (const [place, found] of [
    [299, { pass: 0, isPredicted: false }],
    [100, { pass: 0, isPredicted: true }],
  ] as const) {
    using stream = gpu.stream({ maxBindingSize: 256 });
    const arena = new Arena(stream);
    using steps = new StepInputs(arena, 1);
    using watch = new FiniteWatch(steps);
    const state = new Float32Array(300);
    state[place] = NaN;
    arena.scope(() => {
      watch.check(arena.from(state.subarray(0, 200), [50, 4]), arena.from(state, [75, 4]));
    });
    expect(await watch.read()).toEqual(found);
  }
});

it("names the operation that cannot be split, what is too large, and the limit", () => {
  using stream = gpu.stream({ maxBindingSize: 1024 });
  const arena = new Arena(stream);
  const x = arena.empty([1, 20, 20, 4]);
  expect(() => quantile(x, 0.5)).toThrow(GpuLimitError);
  expect(() => quantile(x, 0.5)).toThrow(
    "quantile cannot be split further: it needs 6400 bytes of tensor f32[1, 20, 20, 4] in one binding, " +
      "but this adapter allows only 1024 (maxStorageBufferBindingSize).",
  );
});

it("splits nothing that fits", () => {
  const bytes = (shape: readonly number[], dtype: DType) =>
    shape.reduce((product, size) => product * size, 1) * bytesPerElement(dtype);
  const run = (maxBindingSize: number) => {
    using stream = gpu.stream({ maxBindingSize });
    const arena = new Arena(stream);
    const { dispatches } = gpu.counters;
    arena.scope(() => activate(arena.from(new Float32Array(64 * 16), [64, 16]), "silu"));
    stream.flush();
    return gpu.counters.dispatches - dispatches;
  };
  expect(run(bytes([64, 16], "f32"))).toBe(1);
  expect(run(bytes([64, 16], "f32") - 1)).toBe(2);
});
