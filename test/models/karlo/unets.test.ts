import { describe, expect, it } from "vitest";
import { decoderOptions } from "../../../src/models/karlo/config/decoder-config.js";
import { superResolutionOptions } from "../../../src/models/karlo/config/super-resolution-config.js";
import { AddedKeyUnet } from "../../../src/models/diffusers/unet/added-key-unet.js";
import type { UnetCondition } from "../../../src/models/diffusers/unet/context-unet.js";
import { SuperResolutionUnet } from "../../../src/models/karlo/unet/super-resolution-unet.js";
import { sliceChannels } from "../../../src/ops/layout.js";
import { ShapeError } from "../../../src/ops/shape-error.js";
import { StepInputs } from "../../../src/ops/step-inputs.js";
import type { Arena } from "../../../src/tensor/arena.js";
import type { Weights } from "../../../src/weights/store.js";
import { expectClose, openTestArena, Random, testableTypes } from "../../support/gpu.js";
import * as oracle from "../../support/oracle-karlo.js";
import { loadState, randomState, type RandomState } from "../../support/random-weights.js";

const [BATCH, SIDE, CONTEXT, CONTEXT_DIM] = [2, 8, 5, 7];
const TIMES = [999, 412];
/** The second sample hides the whole context. */
const MASK = [
  [1, 1, 0, 1, 0],
  [0, 0, 0, 0, 0],
];

const CROSS = ["SimpleCrossAttnDownBlock2D", "SimpleCrossAttnUpBlock2D"] as const;
const PLAIN = ["ResnetDownsampleBlock2D", "ResnetUpsampleBlock2D"] as const;

const decoderConfig = {
  in_channels: 3,
  out_channels: 6,
  block_out_channels: [6, 9, 15],
  layers_per_block: 1,
  norm_num_groups: 3,
  attention_head_dim: 3,
  cross_attention_dim: CONTEXT_DIM,
  down_block_types: [PLAIN[0], CROSS[0], CROSS[0]],
  mid_block_type: "UNetMidBlock2DSimpleCrossAttn",
  up_block_types: [CROSS[1], CROSS[1], PLAIN[1]],
  class_embed_type: "identity",
  resnet_time_scale_shift: "scale_shift",
};

const superResolutionConfig = {
  in_channels: 6,
  out_channels: 3,
  block_out_channels: [6, 10],
  layers_per_block: 2,
  norm_num_groups: 2,
  down_block_types: [PLAIN[0], PLAIN[0]],
  up_block_types: [PLAIN[1], PLAIN[1]],
  add_attention: false,
};

interface Inputs {
  readonly x: Float32Array;
  readonly context: Float32Array;
  readonly addedToTime: Float32Array;
}

function inputsFor(seed: number, channels: number, timeDim: number): Inputs {
  const random = new Random(seed);
  return {
    x: random.normals(BATCH * SIDE * SIDE * channels),
    context: random.normals(BATCH * CONTEXT * CONTEXT_DIM),
    addedToTime: random.normals(BATCH * timeDim),
  };
}

const grid = (data: Float32Array, positions: number): oracle.Grid => ({
  batch: BATCH,
  positions,
  channels: data.length / BATCH / positions,
  data,
});

function conditionOf(arena: Arena, { context, addedToTime }: Inputs, contextMask?: number[][]): UnetCondition {
  return {
    context: arena.from(context, [BATCH, CONTEXT, CONTEXT_DIM], "f32"),
    addedToTime: arena.from(addedToTime, [BATCH, addedToTime.length / BATCH], "f32"),
    contextMask,
  };
}

async function decoder(arena: Arena, config: object = {}) {
  const options = decoderOptions({ ...decoderConfig, ...config }, "decoder/config.json");
  const declare = (weights: Weights) => new AddedKeyUnet(weights, options);
  const state = randomState(arena, declare, 1);
  return { options, state, ...(await loadState(arena, state, declare)) };
}

const boundsOf = (dtype: "f32" | "f16") => (dtype === "f32" ? { maxRelative: 1e-5 } : { nmse: 1e-5 });

describe.each(await testableTypes())("the decoder's U-Net in %s", (dtype) => {
  const odd = { layers: [1, 1, 1], down: [undefined, 3, 3], up: [3, 3, undefined], middle: 3, eps: 1e-5 };

  it.each<[string, object, { layers: number[]; down: unknown[]; up: unknown[]; middle: number; eps: number }]>([
    ["odd widths and heads", {}, odd],
    ["several layers", { layers_per_block: [2, 1, 3] }, { ...odd, layers: [2, 1, 3] }],
    [
      "a list of head sizes, which the way up does not reverse",
      { attention_head_dim: [5, 3, 4] },
      // 9 channels have two heads of 4, and one channel is left.
      { ...odd, down: [undefined, 3, 4], middle: 4, up: [5, 3, undefined] },
    ],
    [
      "attention everywhere, and pixels that see the context alone in some places",
      {
        down_block_types: [CROSS[0], CROSS[0], CROSS[0]],
        up_block_types: [CROSS[1], CROSS[1], CROSS[1]],
        only_cross_attention: [false, true, false],
        mid_block_only_cross_attention: true,
      },
      { ...odd, down: [3, 3, 3], up: [3, 3, 3] },
    ],
    [
      "the time added, another eps and other kernels",
      { resnet_time_scale_shift: "default", norm_eps: 1e-3, conv_in_kernel: 5, conv_out_kernel: 1 },
      { ...odd, eps: 1e-3 },
    ],
  ])("predicts as the formulas say with %s", async (_, config, { layers, down, up, middle, eps }) => {
    const arena = await openTestArena(dtype);
    const { model, state, options, store: weights } = await decoder(arena, config);
    using store = weights;
    const inputs = inputsFor(2, 3, options.timeDim);
    // The reference fails for a mask where pixels see the context alone.
    const mask = options.midContextOnly ? undefined : MASK;
    const predicted = arena.scope(() => {
      using steps = new StepInputs(arena, 1);
      const run = { batch: BATCH, times: [TIMES], condition: conditionOf(arena, inputs, mask) };
      return model.forward(arena.from(inputs.x, [BATCH, SIDE, SIDE, 3], "f32"), model.prepare(steps, run));
    });
    const expected = oracle.unet(state, {
      ...options,
      layers,
      eps,
      dimHead: { down: down as number[], middle, up: up as number[] },
      side: SIDE,
      x: grid(inputs.x, SIDE ** 2),
      times: TIMES,
      addedToTime: grid(inputs.addedToTime, 1),
      context: grid(inputs.context, CONTEXT),
      ...(mask && { contextMask: mask }),
    });
    expectClose(await predicted.read(), expected, boundsOf(dtype));
    predicted.dispose();
    await arena.checkGuards();
    expect(store.isLoaded).toBe(true);
  });

  it("predicts in each pass as in a run of that pass alone", async () => {
    const arena = await openTestArena(dtype);
    const { model, options, store: weights } = await decoder(arena);
    using store = weights;
    const inputs = inputsFor(6, 3, options.timeDim);
    const x = arena.from(inputs.x, [BATCH, SIDE, SIDE, 3], "f32");
    const condition = conditionOf(arena, inputs, MASK);
    const times = [700, 700, 30, 5];
    // What passes read of times is computed for one at a time.
    using several = new StepInputs(arena, times.length, 1);
    const prepared = model.prepare(several, { batch: BATCH, times, condition });
    for (const [pass, time] of times.entries()) {
      several.goTo(pass);
      using one = new StepInputs(arena, 1);
      const alone = model.forward(x, model.prepare(one, { batch: BATCH, times: [time], condition }));
      expect(await model.forward(x, prepared).read()).toEqual(await alone.read());
    }
    expect(store.isLoaded).toBe(true);
  });

  it("guides the noise, and takes the variance of the conditional half", async () => {
    const arena = await openTestArena(dtype);
    const { model, options, store: weights } = await decoder(arena);
    using store = weights;
    const [one, other] = [inputsFor(3, 3, options.timeDim), inputsFor(4, 3, options.timeDim)];
    const results = arena.scope(() => {
      using steps = new StepInputs(arena, 1);
      const x = arena.from(one.x, [BATCH, SIDE, SIDE, 3], "f32");
      const conditions = [conditionOf(arena, one, MASK), conditionOf(arena, other, MASK.toReversed())] as const;
      const run = { batch: BATCH, times: [700] };
      const alone = conditions.map((condition) => model.forward(x, model.prepare(steps, { ...run, condition })));
      const [condition, negative] = conditions;
      return [model.forward(x, model.prepare(steps, { ...run, condition, negative }, 4)), ...alone];
    });
    const [guided, conditional, null_] = await Promise.all(results.map((tensor) => tensor.read()));
    const expected = conditional!.map((value, at) => (at % 6 < 3 ? null_![at]! + 4 * (value - null_![at]!) : value));
    expectClose(guided!, expected, boundsOf(dtype));
    expect(store.isLoaded).toBe(true);
  });
});

it("sees the context alone as if it were not hidden, where a mask hides all of it", async () => {
  const arena = await openTestArena();
  const { model, options, store: weights } = await decoder(arena, { only_cross_attention: true });
  using store = weights;
  const inputs = inputsFor(2, 3, options.timeDim);
  const predict = (mask: number[][] | undefined) =>
    arena.scope(() => {
      using steps = new StepInputs(arena, 1);
      const run = { batch: BATCH, times: [3], condition: conditionOf(arena, inputs, mask) };
      return model.forward(arena.from(inputs.x, [BATCH, SIDE, SIDE, 3], "f32"), model.prepare(steps, run));
    });
  const hidden = await predict(MASK.map((row) => row.map(() => 0))).read();
  expectClose(hidden, await predict(undefined).read(), { maxRelative: 1e-6 });
  const some = await predict(MASK).read();
  expect(some).not.toEqual(hidden);
  expect(store.isLoaded).toBe(true);
});

it("hides nothing of a half of guidance that has no mask", async () => {
  const arena = await openTestArena();
  const { model, options, store: weights } = await decoder(arena);
  using store = weights;
  const inputs = inputsFor(6, 3, options.timeDim);
  const all = MASK.map((row) => row.map(() => 1));
  const guided = (own: number[][] | undefined, other: number[][] | undefined) =>
    arena
      .scope(() => {
        using steps = new StepInputs(arena, 1);
        const [condition, negative] = [conditionOf(arena, inputs, own), conditionOf(arena, inputs, other)];
        const prepared = model.prepare(steps, { batch: BATCH, times: [3], condition, negative }, 3);
        return model.forward(arena.from(inputs.x, [BATCH, SIDE, SIDE, 3], "f32"), prepared);
      })
      .read();
  expect(await guided(undefined, MASK)).toEqual(await guided(all, MASK));
  expect(await guided(MASK, undefined)).toEqual(await guided(MASK, all));
  expect(await guided(MASK, undefined)).not.toEqual(await guided(MASK, MASK));
  expect(store.isLoaded).toBe(true);
});

async function superResolution(arena: Arena, config: object, rename?: (state: RandomState) => RandomState) {
  const options = superResolutionOptions({ ...superResolutionConfig, ...config }, "super_res_first/config.json");
  const declare = (weights: Weights) => new SuperResolutionUnet(weights, options);
  const state = randomState(arena, declare, 1);
  return { options, state, ...(await loadState(arena, rename?.(state) ?? state, declare)) };
}

/** Names of attention before diffusers 0.18. */
function oldNames(state: RandomState): RandomState {
  const names = { to_q: "query", to_k: "key", to_v: "value", "to_out.0": "proj_attn" };
  const renamed = (name: string): string =>
    Object.entries(names).reduce((text, [now, old]) => text.replace(`.${now}.`, `.${old}.`), name);
  return new Map([...state].map(([name, tensor]) => [renamed(name), tensor]));
}

describe.each(await testableTypes())("a super-resolution U-Net in %s", (dtype) => {
  const attention = { add_attention: true, attention_head_dim: 3 };

  it.each<[string, object, number | undefined, ((state: RandomState) => RandomState)?]>([
    ["no attention", {}, undefined],
    ["attention of several heads", attention, 3],
    ["attention with the names of old checkpoints", attention, 3, oldNames],
    [
      "attention of one head without a norm",
      { add_attention: true, attention_head_dim: null, resnet_time_scale_shift: "scale_shift" },
      10,
    ],
  ])("predicts as the formulas say with %s", async (_, config, middle, rename) => {
    const arena = await openTestArena(dtype);
    const { model, state, options, store: weights } = await superResolution(arena, config, rename);
    using store = weights;
    const { x } = inputsFor(5, 6, 1);
    const predicted = arena.scope(() => {
      using steps = new StepInputs(arena, 1);
      const both = arena.from(x, [BATCH, SIDE, SIDE, 6], "f32");
      const prepared = model.prepare(steps, { times: [TIMES], lowres: sliceChannels(both, 3, 6) });
      return model.forward(sliceChannels(both, 0, 3), prepared);
    });
    const expected = oracle.unet(state, {
      ...options,
      dimHead: { down: [], middle, up: [] },
      side: SIDE,
      x: grid(x, SIDE ** 2),
      times: TIMES,
    });
    expectClose(await predicted.read(), expected, boundsOf(dtype));
    predicted.dispose();
    await arena.checkGuards();
    expect(store.isLoaded).toBe(true);
  });
});

describe("inputs of U-Nets", () => {
  it.each<[string, (arena: Arena) => object, RegExp]>([
    [
      "a context of another width",
      (arena) => ({ context: arena.empty([BATCH, 5, 4], "f32") }),
      /context is \[2, 5, 4\]; expected \[2, length, 7\]/,
    ],
    [
      "class labels of another batch",
      (arena) => ({ addedToTime: arena.empty([1, 24], "f32") }),
      /addedToTime is \[1, 24\]; expected \[2, 24\]/,
    ],
    ["a mask of another length", () => ({ contextMask: [[1], [1]] }), /contextMask is \[2, 1\]; expected \[2, 5\]/],
  ])("are refused with %s", async (_, change, message) => {
    const arena = await openTestArena();
    const { model, options, store: weights } = await decoder(arena);
    using store = weights;
    const prepare = () => {
      using steps = new StepInputs(store.arena, 1);
      const condition = { ...conditionOf(arena, inputsFor(1, 3, options.timeDim)), ...change(arena) };
      model.prepare(steps, { batch: BATCH, times: [1], condition });
    };
    expect(() => {
      arena.scope(prepare);
    }).toThrow(ShapeError);
    expect(() => {
      arena.scope(prepare);
    }).toThrow(message);
  });

  it("are refused if guidance has no negative condition", async () => {
    const arena = await openTestArena();
    const { model, options, store: weights } = await decoder(arena);
    using store = weights;
    const prepare = () => {
      using steps = new StepInputs(store.arena, 1);
      const condition = conditionOf(arena, inputsFor(1, 3, options.timeDim), MASK);
      model.prepare(steps, { batch: BATCH, times: [1], condition }, 2);
    };
    expect(() => {
      arena.scope(prepare);
    }).toThrow(/negative is absent/);
  });

  it("are refused with sides that cannot be halved often enough", async () => {
    const arena = await openTestArena();
    const { model, store: weights } = await superResolution(arena, {});
    using store = weights;
    const forward = (x: readonly number[], lowres: readonly number[]) => {
      using steps = new StepInputs(store.arena, 1);
      const prepared = model.prepare(steps, { times: [1], lowres: arena.empty(lowres, "f32") });
      model.forward(arena.empty(x, "f32"), prepared);
    };
    const refused = (x: readonly number[], lowres: readonly number[]) =>
      expect(() => {
        arena.scope(() => {
          forward(x, lowres);
        });
      });
    refused([1, 7, 8, 3], [1, 7, 8, 3]).toThrow(/expected \[1, a multiple of 2, a multiple of 2, 3\]/);
    refused([1, 8, 8, 3], [1, 6, 8, 3]).toThrow(/x is \[1, 8, 8, 3\]; expected \[1, 6, 8, 3\]/);
    refused([1, 8, 8, 3], [1, 8, 8, 1]).toThrow(/lowres is \[1, 8, 8, 1\]/);
  });
});
