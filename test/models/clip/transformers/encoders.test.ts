import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../../src/config/config-error.js";
import {
  visionModelOptions,
  TransformersImageEncoder,
} from "../../../../src/models/clip/transformers/image-encoder.js";
import { ImageProcessor } from "../../../../src/models/clip/transformers/image-processor.js";
import { textModelOptions, TransformersTextEncoder } from "../../../../src/models/clip/transformers/text-encoder.js";
import { ClipTokenizer } from "../../../../src/tokenizer/clip-tokenizer.js";
import type { Arena } from "../../../../src/tensor/arena.js";
import { expectClose, openTestArena, Random } from "../../../support/gpu.js";
import { OracleClip, type OracleText } from "../../../support/oracle-clip.js";
import { loadState, randomState } from "../../../support/random-weights.js";

// A pass through a few layers in f32; the oracle computes in float64.
const CLOSE = { maxRelative: 5e-6 };

let arena: Arena;
beforeAll(async () => {
  arena = await openTestArena();
});
afterAll(() => arena.checkGuards());

const TEXT = {
  hidden_size: 36,
  intermediate_size: 50,
  num_hidden_layers: 2,
  num_attention_heads: 3,
  max_position_embeddings: 9,
  vocab_size: 20,
  projection_dim: 10,
};

const tokenizer = (padding: number) =>
  new ClipTokenizer({
    ids: new Map([
      ["a</w>", 1],
      ["b</w>", 19],
    ]),
    merges: [],
    start: 18,
    end: 5,
    unknown: 5,
    padding,
    added: new Map([["!", padding]]),
  });

describe("the text encoder", () => {
  interface Case {
    readonly what: string;
    readonly config: object;
    readonly padding: number;
    readonly pool: OracleText["pool"];
    readonly own?: Partial<OracleText>;
    readonly maxLength?: number;
  }
  const cases: readonly Case[] = [
    { what: "pools the highest token if the end token is 2", config: { eos_token_id: 2 }, padding: 0, pool: "highest" },
    { what: "which may be padding", config: { eos_token_id: 2 }, padding: 19, pool: "highest" },
    { what: "else the first end token", config: { eos_token_id: 5 }, padding: 5, pool: { token: 5 } },
    { what: "or the first of all", config: { eos_token_id: 17 }, padding: 7, pool: { token: 17 } },
    {
      what: "takes another activation and epsilon",
      config: { eos_token_id: 5, hidden_act: "gelu", layer_norm_eps: 0.01 },
      padding: 0,
      pool: { token: 5 },
      own: { activation: "gelu", eps: 0.01 },
    },
    { what: "reads fewer tokens than it could", config: {}, padding: 0, pool: { token: 49407 }, maxLength: 6 },
  ];

  it.each(cases)("$what", async ({ config, padding, pool, own, maxLength = 77 }) => {
    const declare = (weights: ConstructorParameters<typeof TransformersTextEncoder>[0]) =>
      new TransformersTextEncoder(weights, textModelOptions({ ...TEXT, ...config }, "config.json"), {
        tokenizer: tokenizer(padding),
        maxLength,
      });
    const state = randomState(arena, declare, 5);
    const { model, store } = await loadState(arena, state, declare);
    using loaded = store;
    expect(loaded.isLoaded).toBe(true);
    const rows = model.tokenize(["", "a a", "a a a a a a a a a a"], { warn: () => undefined });
    const length = Math.min(9, maxLength);
    expect(rows.map((row) => row.length)).toEqual([2, 4, length]);
    const { textEmbed, textEncodings, textMask } = await model.embedText(arena, rows);
    const full = rows.map((row) => [...row, ...new Array<number>(length - row.length).fill(padding)]);
    const oracle = new OracleClip(state);
    const blocks = { layers: 2, heads: 3, causal: true, activation: "quickGelu", eps: 1e-5 } as const;
    const expected = full.map((row) => oracle.text(row, { ...blocks, pool, ...own }));
    expectClose(
      await textEncodings.read(),
      expected.flatMap(({ encodings }) => encodings.flat()),
      CLOSE,
    );
    expectClose(
      await textEmbed.read(),
      expected.flatMap(({ projected }) => projected),
      CLOSE,
    );
    expect(textMask).toEqual(rows.map((row) => full[0]!.map((_, i) => Number(i < row.length))));
    textEmbed.dispose();
    textEncodings.dispose();
  });

  it("refuses tokens that it does not have", () => {
    const options = textModelOptions({ ...TEXT, vocab_size: 19 }, "config.json");
    const state = (weights: ConstructorParameters<typeof TransformersTextEncoder>[0]) => {
      const encoder = new TransformersTextEncoder(weights, options, { tokenizer: tokenizer(0), maxLength: 77 });
      expect(encoder.tokenize(["a"])).toEqual([Int32Array.of(18, 1, 5)]);
      expect(() => encoder.tokenize(["a", "b"])).toThrow(
        /The tokenizer has a token 19, but the text encoder has 19 tokens/,
      );
    };
    randomState(arena, state, 1);
  });

  it("has the defaults of CLIPTextConfig, and reads the part of a whole CLIP's config", () => {
    const options = textModelOptions({ model_type: "clip_text_model" }, "config.json");
    expect(options).toMatchObject({ embedDim: 512, contextLength: 77, vocabSize: 49408 });
    expect(options.text).toMatchObject({ width: 512, layers: 12, heads: 8, mlpWidth: 2048, activation: "quickGelu" });
    const whole = { model_type: "clip", text_config: TEXT, vision_config: {} };
    expect(textModelOptions(whole, "config.json")).toEqual(textModelOptions(TEXT, "config.json"));
  });

  it.each<[what: string, config: object, message: RegExp]>([
    ["another activation", { hidden_act: "mish" }, /hidden_act: expected .*"quick_gelu".*, found "mish"/],
    ["another model", { model_type: "t5" }, /model_type: "t5" is not supported/],
    ["an unknown key", { rope_theta: 1 }, /unknown key "rope_theta" \(it may change what the model computes/],
    ["no layers", { num_hidden_layers: 0 }, /num_hidden_layers/],
  ])("is refused with %s", (_, config, message) => {
    expect(() => textModelOptions({ ...TEXT, ...config }, "text_encoder/config.json")).toThrow(ConfigError);
    expect(() => textModelOptions({ ...TEXT, ...config }, "text_encoder/config.json")).toThrow(message);
  });
});

const VISION = {
  hidden_size: 40,
  intermediate_size: 44,
  num_hidden_layers: 2,
  num_attention_heads: 5,
  image_size: 27,
  patch_size: 6,
  projection_dim: 10,
};

describe("the image encoder", () => {
  it.each([
    ["quick_gelu", { do_normalize: false }, { mean: [0, 0, 0], std: [1, 1, 1] }],
    [
      "gelu",
      { image_mean: [0.5, 0.4, 0.1], image_std: [0.5, 0.3, 0.2] },
      { mean: [0.5, 0.4, 0.1], std: [0.5, 0.3, 0.2] },
    ],
  ] as const)("computes with %s and %o", async (act, extractor, statistics) => {
    const options = visionModelOptions({ ...VISION, hidden_act: act, layer_norm_eps: 1e-3 }, "config.json");
    const processor = new ImageProcessor({ size: 27, crop_size: 27, ...extractor }, "preprocessor_config.json", 27);
    const declare = (weights: ConstructorParameters<typeof TransformersImageEncoder>[0]) =>
      new TransformersImageEncoder(weights, options, processor);
    const state = randomState(arena, declare, 6);
    const { model, store } = await loadState(arena, state, declare);
    using loaded = store;
    expect(loaded.isLoaded).toBe(true);
    const random = new Random(7);
    const planes = Float32Array.from({ length: 2 * 3 * 27 ** 2 }, () => random.next());
    const embed = arena.scope(() => model.embedImage(arena.fromNchw(planes, [2, 3, 27, 27], "f32")));
    const oracle = new OracleClip(state);
    const blocks = { layers: 2, heads: 5, causal: false, activation: act === "gelu" ? "gelu" : "quickGelu" } as const;
    const vision = { ...blocks, eps: 1e-3, pool: "tok", normAfterPooling: true, normPre: true, patch: 6 } as const;
    const expected = [0, 1].flatMap((image) => {
      const own = [0, 1, 2].map((c) => [...planes.subarray((image * 3 + c) * 27 ** 2, (image * 3 + c + 1) * 27 ** 2)]);
      return oracle.projectedImage(own, 27, { ...vision, ...statistics });
    });
    expectClose(await embed.read(), expected, CLOSE);
    embed.dispose();
  });

  it("has the defaults of CLIPVisionConfig, and reads the part of a whole CLIP's config", () => {
    const { embedDim, vision } = visionModelOptions({}, "config.json");
    expect(embedDim).toBe(512);
    expect(vision).toMatchObject({ resolution: 224, patchSize: 32, width: 768, layers: 12, heads: 12, mlpWidth: 3072 });
    const whole = { model_type: "clip", vision_config: VISION };
    expect(visionModelOptions(whole, "config.json")).toEqual(visionModelOptions(VISION, "config.json"));
  });

  it.each<[what: string, config: object, message: RegExp]>([
    ["four channels", { num_channels: 4 }, /num_channels: 4 is not supported, only 3/],
    ["another activation", { hidden_act: "mish" }, /hidden_act: expected/],
    ["an unknown key", { use_mean_pooling: true }, /unknown key "use_mean_pooling"/],
  ])("is refused with %s", (_, config, message) => {
    expect(() => visionModelOptions({ ...VISION, ...config }, "config.json")).toThrow(message);
  });
});
