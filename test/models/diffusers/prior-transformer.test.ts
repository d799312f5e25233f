import { describe, expect, it } from "vitest";
import { priorOptions } from "../../../src/models/diffusers/config/prior-config.js";
import { PriorTransformer, type PriorCondition } from "../../../src/models/diffusers/prior/prior-transformer.js";
import { combine } from "../../../src/ops/elementwise.js";
import { ShapeError } from "../../../src/ops/shape-error.js";
import { StepInputs } from "../../../src/ops/step-inputs.js";
import type { Arena } from "../../../src/tensor/arena.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { openTestArena, Random, expectClose, testableTypes } from "../../support/gpu.js";
import * as oracle from "../../support/oracle-karlo.js";
import { loadState, randomState } from "../../support/random-weights.js";

const [BATCH, LENGTH, DIM] = [3, 5, 6];
const SMALL = {
  num_attention_heads: 3,
  attention_head_dim: 5,
  num_layers: 2,
  embedding_dim: DIM,
  num_embeddings: LENGTH,
  additional_embeddings: 4,
};
/** The second begins with hidden tokens, and the third hides all of them. */
const MASK = [
  [1, 1, 1, 0, 0],
  [0, 0, 1, 0, 1],
  [0, 0, 0, 0, 0],
];
const TIMES = [999, 500, 0];

interface Inputs {
  readonly x: Float32Array;
  readonly textEmbed: Float32Array;
  readonly textEncodings: Float32Array;
}

function inputsFor(seed: number, textDim = DIM): Inputs {
  const random = new Random(seed);
  return {
    x: random.normals(BATCH * DIM),
    textEmbed: random.normals(BATCH * textDim),
    textEncodings: random.normals(BATCH * LENGTH * DIM),
  };
}

const grid = (data: Float32Array, positions = 1): oracle.Grid => ({
  batch: BATCH,
  positions,
  channels: data.length / BATCH / positions,
  data,
});

function conditionOf(arena: Arena, { textEmbed, textEncodings }: Inputs, textMask?: PriorCondition["textMask"]) {
  return {
    textEmbed: arena.from(textEmbed, [BATCH, textEmbed.length / BATCH], "f32"),
    textEncodings: arena.from(textEncodings, [BATCH, LENGTH, DIM], "f32"),
    textMask,
  };
}

async function loaded(arena: Arena, config: object = {}, seed = 1) {
  const options = priorOptions({ ...SMALL, ...config }, "prior/config.json");
  const declare = (weights: ConstructorParameters<typeof PriorTransformer>[0]) =>
    new PriorTransformer(weights, options);
  const state = randomState(arena, declare, seed);
  return { state, ...(await loadState(arena, state, declare)) };
}

describe.each(await testableTypes())("the prior in %s", (dtype) => {
  const bounds = dtype === "f32" ? { maxRelative: 1e-5 } : { nmse: 1e-5 };

  it.each([
    ["with a mask", {}, MASK, "silu"],
    ["without a mask", {}, undefined, "silu"],
    [
      "with norms, other widths and another activation",
      {
        norm_in_type: "layer",
        embedding_proj_norm_type: "layer",
        time_embed_dim: 22,
        embedding_proj_dim: 9,
        clip_embed_dim: 7,
        time_embed_act_fn: "relu",
      },
      MASK,
      "relu",
    ],
  ] as const)("predicts as the formulas say, %s", async (_, config, textMask, activation) => {
    const arena = await openTestArena(dtype);
    const { model, state, store: weights } = await loaded(arena, config);
    using store = weights;
    const inputs = inputsFor(2, "embedding_proj_dim" in config ? 9 : DIM);
    const predicted = arena.scope(() => {
      using steps = new StepInputs(arena, 1);
      const run = { batch: BATCH, times: [TIMES], condition: conditionOf(arena, inputs, textMask) };
      return model.forward(arena.from(inputs.x, [BATCH, DIM], "f32"), model.prepare(steps, run));
    });
    const expected = oracle.prior(state, {
      heads: 3,
      dimHead: 5,
      layers: 2,
      activation,
      x: grid(inputs.x),
      times: TIMES,
      textEmbed: grid(inputs.textEmbed),
      textEncodings: grid(inputs.textEncodings, LENGTH),
      ...(textMask && { textMask }),
    });
    expectClose(await predicted.read(), expected, bounds);
    predicted.dispose();
    await arena.checkGuards();
    expect(store.isLoaded).toBe(true);
  });

  it("is guided away from the negative condition, in each pass at its own time", async () => {
    const arena = await openTestArena(dtype);
    const { model, store: weights } = await loaded(arena);
    using store = weights;
    const [one, other] = [inputsFor(3), inputsFor(4)];
    const [first, second] = arena.scope((): [Tensor, Tensor] => {
      using steps = new StepInputs(arena, 2);
      const x = arena.from(one.x, [BATCH, DIM], "f32");
      const [condition, negative] = [conditionOf(arena, one, MASK), conditionOf(arena, other, MASK.toReversed())];
      const times = [800, 300];
      const guided = model.prepare(steps, { batch: BATCH, times, condition, negative }, 3);
      const alone = [condition, negative].map((condition) => model.prepare(steps, { batch: BATCH, times, condition }));
      steps.goTo(1);
      const [conditional, null_] = alone.map((prepared) => model.forward(x, prepared));
      return [model.forward(x, guided), arena.scope(() => combined(conditional!, null_!, 3))];
    });
    expectClose(await first.read(), await second.read(), dtype === "f32" ? { maxRelative: 1e-5 } : { nmse: 1e-5 });
    expect(store.isLoaded).toBe(true);
  });
});

/** null + (conditional - null) · scale */
function combined(conditional: Tensor, other: Tensor, scale: number): Tensor {
  return combine(conditional, scale, other, 1 - scale);
}

describe("a prior's condition", () => {
  const prepare = async (
    change: (arena: Arena) => object,
    {
      config = {},
      scale = 1,
      isNegated = false,
    }: { readonly config?: object; readonly scale?: number; readonly isNegated?: boolean } = {},
  ): Promise<void> => {
    const arena = await openTestArena();
    const { model, store: weights } = await loaded(arena, config);
    using store = weights;
    arena.scope(() => {
      using steps = new StepInputs(store.arena, 1);
      const own = conditionOf(arena, inputsFor(1));
      const run = { batch: BATCH, times: [1], condition: { ...own, ...change(arena) } };
      model.prepare(steps, { ...run, negative: isNegated ? own : undefined }, scale);
    });
  };

  it.each<[string, (arena: Arena) => object, RegExp]>([
    [
      "a text embedding of another width",
      (arena) => ({ textEmbed: arena.empty([BATCH, 5], "f32") }),
      /textEmbed is \[3, 5\]; expected \[3, 6\]/,
    ],
    ["no text encodings", () => ({ textEncodings: undefined }), /textEncodings is absent; expected \[3, length, 6\]/],
    [
      "text encodings of another width",
      (arena) => ({ textEncodings: arena.empty([BATCH, LENGTH, 4], "f32") }),
      /textEncodings is \[3, 5, 4\]/,
    ],
    [
      "more tokens than positions",
      (arena) => ({ textEncodings: arena.empty([BATCH, 6, DIM], "f32") }),
      /a sequence of 10 tokens; expected 9/,
    ],
    ["a mask of another batch", () => ({ textMask: MASK.slice(1) }), /textMask is \[2\]; expected \[3\]/],
    [
      "a mask of another length",
      () => ({ textMask: MASK.map((row) => row.slice(1)) }),
      /textMask is \[3, 4\]; expected \[3, 5\]/,
    ],
  ])("is refused with %s", async (_, change, message) => {
    const refused = prepare(change);
    await expect(refused).rejects.toThrow(ShapeError);
    await expect(refused).rejects.toThrow(message);
  });

  it("is refused if guidance has no negative condition, or a mask for one half alone", async () => {
    await expect(prepare(() => ({}), { scale: 2 })).rejects.toThrow(/negative is absent/);
    await expect(prepare(() => ({ textMask: MASK }), { scale: 2, isNegated: true })).rejects.toThrow(
      /a mask for one half/,
    );
  });

  it("may go without positions of the text, which are then zero", async () => {
    // As many positions as tokens of the noised embedding: the reference pads the table with zeros around.
    await expect(
      prepare(() => ({}), { config: { num_embeddings: 1, additional_embeddings: 0 } }),
    ).resolves.toBeUndefined();
  });
});
