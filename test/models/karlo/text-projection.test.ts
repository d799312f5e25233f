import { describe, expect, it } from "vitest";
import { textProjectionOptions } from "../../../src/models/karlo/config/text-projection-config.js";
import { TextProjection } from "../../../src/models/karlo/text-projection.js";
import { ShapeError } from "../../../src/ops/shape-error.js";
import type { Arena } from "../../../src/tensor/arena.js";
import type { Weights } from "../../../src/weights/store.js";
import { expectClose, openTestArena, Random, testableTypes } from "../../support/gpu.js";
import { add, joinTokens, Oracle, type Grid } from "../../support/oracle-karlo.js";
import { loadState, randomState } from "../../support/random-weights.js";

const [BATCH, LENGTH] = [2, 3];
// No width is a multiple of 4.
const WIDTHS = { embedDim: 5, imageTokens: 3, contextDim: 6, timeDim: 7 };
const config = { clip_embeddings_dim: 5, clip_extra_context_tokens: 3, cross_attention_dim: 6, time_embed_dim: 7 };

async function loaded(arena: Arena) {
  const options = textProjectionOptions(config, "text_proj/config.json");
  expect(options).toEqual(WIDTHS);
  const declare = (weights: Weights) => new TextProjection(weights, options);
  const state = randomState(arena, declare, 1);
  return { state, ...(await loadState(arena, state, declare)) };
}

describe.each(await testableTypes())("the text projection in %s", (dtype) => {
  it.each(["an image embedding", "the null embedding"])("gives what the formulas say for %s", async (kind) => {
    const arena = await openTestArena(dtype);
    const { model, state, store: weights } = await loaded(arena);
    using store = weights;
    const random = new Random(2);
    const given = random.normals(BATCH * 5);
    const textEmbed = random.normals(BATCH * 5);
    const textEncodings = random.normals(BATCH * LENGTH * 5);
    const isNull = kind === "the null embedding";
    const { context, addedToTime, contextMask } = arena.scope(() =>
      model.forward(arena, {
        imageEmbed: isNull ? undefined : arena.from(given, [BATCH, 5], "f32"),
        textEmbed: arena.from(textEmbed, [BATCH, 5], "f32"),
        textEncodings: arena.from(textEncodings, [BATCH, LENGTH, 5], "f32"),
        textMask: [
          [1, 1, 0],
          [0, 1, 1],
        ],
      }),
    );
    const net = new Oracle(state);
    const learned = net.tensor("learned_classifier_free_guidance_embeddings");
    const image: Grid = {
      batch: BATCH,
      positions: 1,
      channels: 5,
      data: isNull ? [...learned, ...learned] : given,
    };
    const text: Grid = { ...image, data: textEmbed };
    const labels = add(
      net.linear(image, "clip_image_embeddings_project_to_time_embeddings"),
      net.linear(text, "embedding_proj"),
    );
    const flat = net.linear(image, "clip_extra_context_tokens_proj").data;
    // Token k, channel c is entry c · tokens + k.
    const tokens = Array.from({ length: BATCH * 18 }, (_, at) => {
      const [b, k, c] = [Math.floor(at / 18), Math.floor(at / 6) % 3, at % 6];
      return flat[b * 18 + c * 3 + k]!;
    });
    const encodings: Grid = { ...image, positions: LENGTH, data: textEncodings };
    const expected = joinTokens(
      { batch: BATCH, positions: 3, channels: 6, data: tokens },
      net.layerNorm(net.linear(encodings, "encoder_hidden_states_proj"), "text_encoder_hidden_states_norm"),
    );
    const bounds = dtype === "f32" ? { maxRelative: 1e-5 } : { nmse: 1e-5 };
    expectClose(await addedToTime.read(), labels.data, bounds);
    expectClose(await context.read(), expected.data, bounds);
    expect(contextMask).toEqual([
      [1, 1, 1, 1, 1, 0],
      [1, 1, 1, 0, 1, 1],
    ]);
    context.dispose();
    addedToTime.dispose();
    await arena.checkGuards();
    expect(store.isLoaded).toBe(true);
  });
});

it.each<[string, (arena: Arena) => object, RegExp]>([
  ["an image embedding of another width", (arena) => ({ imageEmbed: arena.empty([2, 4]) }), /imageEmbed is \[2, 4\]/],
  ["text embeddings of another batch", (arena) => ({ textEmbed: arena.empty([3, 5]) }), /textEmbed is \[3, 5\]/],
  [
    "encodings of another width",
    (arena) => ({ textEncodings: arena.empty([2, 3, 6]) }),
    /textEncodings is \[2, 3, 6\]/,
  ],
  ["a mask of another length", () => ({ textMask: [[1], [1]] }), /textMask is \[2, 1\]; expected \[2, 3\]/],
])("is refused with %s", async (_, change, message) => {
  const arena = await openTestArena();
  const { model, store: weights } = await loaded(arena);
  using store = weights;
  const forward = () => {
    arena.scope(() => {
      model.forward(store.arena, {
        imageEmbed: arena.empty([BATCH, 5]),
        textEmbed: arena.empty([BATCH, 5]),
        textEncodings: arena.empty([BATCH, LENGTH, 5]),
        ...change(arena),
      });
    });
  };
  expect(forward).toThrow(ShapeError);
  expect(forward).toThrow(message);
});
