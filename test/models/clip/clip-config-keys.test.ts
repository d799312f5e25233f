import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { createClip, type ClipConfig } from "../../../src/models/clip/create.js";
import type { Arena } from "../../../src/tensor/arena.js";
import { currentDialect } from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import type { TensorSource } from "../../../src/weights/tensor-source.js";
import { TensorEntry } from "../../../src/weights/tensor-entry.js";
import { difference, expectClose, openTestArena, Random } from "../../support/gpu.js";
import { OracleClip, type ClipTensors, type OracleText, type OracleVision } from "../../support/oracle-clip.js";

/** Sizes of a small CLIP. No two widths are equal, so nothing fits by chance. Heads are padded: 10, 5 and 15 channels. */
const SIZES = { embed: 11, context: 7, vocab: 40, text: 20, image: 30, patch: 4, side: 13, layers: 2 } as const;
const { embed, context, vocab, side } = SIZES;

const TEXT = { width: SIZES.text, heads: 2, layers: SIZES.layers, context_length: context, vocab_size: vocab } as const;
const VISION = { width: SIZES.image, head_width: 10, layers: SIZES.layers, patch_size: 4, image_size: side } as const;
const PREPROCESS = { mean: [0.5, 0.4, 0.3], std: [0.3, 0.25, 0.2] };

interface Variant {
  readonly layerScale?: boolean;
  readonly normPre?: boolean;
  readonly projection?: "matrix" | "linear" | "none";
}

/** A state dict with random values, gains and biases that matter, and values so small that epsilon shows. */
function randomClip({ layerScale = false, normPre = true, projection = "matrix" }: Variant, scale = 1): ClipTensors {
  const random = new Random(5);
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  const add = (name: string, shape: number[], spread: number, offset = 0) => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    tensors.set(name, { shape, data: random.normals(size, spread).map((value) => value + offset) });
  };
  const norm = (name: string, width: number) => {
    add(`${name}.weight`, [width], 0.2, 1);
    add(`${name}.bias`, [width], 0.1);
  };
  const linear = (name: string, inputs: number, outputs: number, spread = 1) => {
    add(`${name}.weight`, [outputs, inputs], spread / Math.sqrt(inputs));
    add(`${name}.bias`, [outputs], 0.2);
  };
  const blocks = (path: string, width: number) => {
    for (let i = 0; i < SIZES.layers; i++) {
      norm(`${path}.${i}.ln_1`, width);
      norm(`${path}.${i}.ln_2`, width);
      add(`${path}.${i}.attn.in_proj_weight`, [3 * width, width], 1 / Math.sqrt(width));
      add(`${path}.${i}.attn.in_proj_bias`, [3 * width], 0.2);
      linear(`${path}.${i}.attn.out_proj`, width, width);
      // Of sizes for which the kinds of GELU differ.
      linear(`${path}.${i}.mlp.c_fc`, width, 4 * width);
      linear(`${path}.${i}.mlp.c_proj`, 4 * width, width, 6);
      if (layerScale) for (const name of ["ls_1", "ls_2"]) add(`${path}.${i}.${name}.gamma`, [width], 0.5, 0.3);
    }
  };
  const grid = Math.floor(side / SIZES.patch);
  add("token_embedding.weight", [vocab, SIZES.text], scale);
  add("positional_embedding", [context, SIZES.text], scale);
  blocks("transformer.resblocks", SIZES.text);
  norm("ln_final", SIZES.text);
  if (projection === "matrix") add("text_projection", [SIZES.text, embed], 0.25);
  if (projection === "linear") linear("text_projection", SIZES.text, embed);
  add("visual.conv1.weight", [SIZES.image, 3, SIZES.patch, SIZES.patch], 0.1 * scale);
  add("visual.class_embedding", [SIZES.image], scale);
  add("visual.positional_embedding", [grid * grid + 1, SIZES.image], scale);
  if (normPre) norm("visual.ln_pre", SIZES.image);
  blocks("visual.transformer.resblocks", SIZES.image);
  norm("visual.ln_post", SIZES.image);
  add("visual.proj", [SIZES.image, projection === "none" ? SIZES.text : embed], 0.2);
  add("logit_scale", [], 0, 2);
  return tensors;
}

function sourceOf(tensors: ClipTensors): TensorSource {
  const entries = [...tensors].map(([name, { shape, data }]): [string, TensorEntry] => {
    const inner = data.length / (shape[0] ?? 1);
    const read = ([start, end]: readonly [number, number]) =>
      Promise.resolve(new Uint8Array(data.slice(start * inner, end * inner).buffer));
    return [name, new TensorEntry(name, "F32", shape, read)];
  });
  return { name: "clip.safetensors", tensors: new Map(entries) };
}

// The end token is neither the highest nor the last; the second text has none.
const END = 30;
const TEXTS = [
  [33, 5, 39, 4, END, 0, 7],
  [33, 1, 2, 3, 9, 11, 39],
];

let arena: Arena;
beforeAll(async () => {
  arena = await openTestArena();
});
afterEach(() => arena.checkGuards());

const planes = Array.from({ length: 3 }, (_, c) => [...new Random(90 + c).normals(side * side, 0.3)]);

/** Compares the embeddings of a CLIP with this config to the oracle's. */
async function expectOracle(
  kwargs: Record<string, unknown>,
  tensors: ClipTensors,
  text: OracleText,
  vision: OracleVision,
  make: ClipConfig["make"] = "open_clip",
): Promise<void> {
  const config: ClipConfig = { make, model: "mine", base_model_kwargs: kwargs };
  const { clip, weights } = createClip(config, sourceOf(tensors), arena, currentDialect.network);
  using store = weights;
  await store.load();
  const oracle = new OracleClip(tensors);
  const expected = TEXTS.map((tokens) => oracle.text(tokens, text));
  const { textEmbed, textEncodings } = await clip.embedText(
    arena,
    TEXTS.map((tokens) => Int32Array.from(tokens)),
  );
  expectClose(await textEmbed.read(), Float64Array.from(expected.flatMap((one) => one.embed)), CLOSE);
  // Adapters put zeros where a token is 0.
  const encodings = expected.flatMap(({ encodings: rows }, i) =>
    rows.flatMap((row, at) => (TEXTS[i]![at] === 0 ? row.map(() => 0) : row)),
  );
  expectClose(await textEncodings.read(), Float64Array.from(encodings), CLOSE);
  const image = arena.fromNchw(Float32Array.from(planes.flat()), [1, 3, side, side], "f32");
  const embedded = await clip.embedImage(image).read();
  expectClose(embedded, Float64Array.from(oracle.image(planes, side, vision)), CLOSE);
}

/** The tolerance of forward passes in f32. */
const CLOSE = { maxRelative: 5e-5 };

const ORACLE_TEXT: OracleText = { layers: 2, heads: 2, causal: true, activation: "gelu", eps: 1e-5, pool: "highest" };
const ORACLE_VISION: OracleVision = {
  ...{ layers: 2, heads: 3, causal: false, activation: "gelu", eps: 1e-5 },
  ...{ pool: "tok", normAfterPooling: false, normPre: true, patch: SIZES.patch },
  ...PREPROCESS,
};

interface Case {
  readonly name: string;
  readonly text?: Record<string, unknown>;
  readonly vision?: Record<string, unknown>;
  readonly model?: Record<string, unknown>;
  readonly oracleText?: Partial<OracleText>;
  readonly oracleVision?: Partial<OracleVision>;
  readonly variant?: Variant;
  readonly scale?: number;
}

const TANH = { act_kwargs: { approximate: "tanh" } };

const cases: readonly Case[] = [
  { name: "nothing but sizes" },
  { name: "no_causal_mask", text: { no_causal_mask: true }, oracleText: { causal: false } },
  {
    name: "quick_gelu",
    model: { quick_gelu: true },
    oracleText: { activation: "quickGelu" },
    oracleVision: { activation: "quickGelu" },
  },
  { name: "act_kwargs of the text", text: TANH, oracleText: { activation: "geluTanh" } },
  { name: "act_kwargs of the image", vision: TANH, oracleVision: { activation: "geluTanh" } },
  // With small values: epsilon does not show beside larger ones.
  { name: "norm_kwargs of the text", text: { norm_kwargs: { eps: 1e-2 } }, oracleText: { eps: 1e-2 }, scale: 0.05 },
  {
    name: "norm_kwargs of the image",
    vision: { norm_kwargs: { eps: 1e-2 } },
    oracleVision: { eps: 1e-2 },
    scale: 0.05,
  },
  { name: "pool_type first", text: { pool_type: "first" }, oracleText: { pool: "first" } },
  { name: "pool_type last", text: { pool_type: "last" }, oracleText: { pool: "last" } },
  { name: "pool_type argmax", text: { pool_type: "argmax" } },
  { name: "pool_type eos", text: { pool_type: "eos", eos_id: END }, oracleText: { pool: { token: END } } },
  { name: "pool_type eos of the default token", text: { pool_type: "eos" }, oracleText: { pool: { token: 2 } } },
  { name: "pool_type tok", vision: { pool_type: "tok" } },
  { name: "pool_type avg", vision: { pool_type: "avg" }, oracleVision: { pool: "avg" } },
  {
    name: "final_ln_after_pool",
    vision: { pool_type: "avg", final_ln_after_pool: true },
    oracleVision: { pool: "avg", normAfterPooling: true },
  },
  {
    name: "global_average_pool",
    vision: { global_average_pool: true },
    oracleVision: { pool: "all", normAfterPooling: true },
  },
  { name: "no_ln_pre", vision: { no_ln_pre: true }, oracleVision: { normPre: false }, variant: { normPre: false } },
  {
    name: "ls_init_value",
    text: { ls_init_value: 1e-5 },
    vision: { ls_init_value: 1e-5 },
    variant: { layerScale: true },
  },
  { name: "layer scale that only the file tells", variant: { layerScale: true } },
  { name: "proj_bias", text: { proj_bias: true }, variant: { projection: "linear" } },
  {
    name: "proj_type none",
    text: { proj_type: "none" },
    model: { embed_dim: SIZES.text },
    variant: { projection: "none" },
  },
  {
    name: "many at once",
    text: { no_causal_mask: true, norm_kwargs: { eps: 1e-2 }, pool_type: "last", proj_bias: true, heads: 4 },
    vision: {
      norm_kwargs: { eps: 1e-2 },
      pool_type: "avg",
      final_ln_after_pool: true,
      no_ln_pre: true,
      head_width: 15,
    },
    oracleText: { causal: false, eps: 1e-2, pool: "last", heads: 4 },
    oracleVision: { eps: 1e-2, pool: "avg", normAfterPooling: true, normPre: false, heads: 2 },
    variant: { layerScale: true, normPre: false, projection: "linear" },
    scale: 0.05,
  },
  {
    name: "heads",
    text: { heads: 4 },
    vision: { head_width: 15 },
    oracleText: { heads: 4 },
    oracleVision: { heads: 2 },
  },
];

/** Checks that a key changes the embedding, so that an ignored key would fail. */
function expectEffect(
  tensors: ClipTensors,
  oracle: { readonly text: OracleText; readonly vision: OracleVision },
  changed: { readonly text: unknown; readonly vision: unknown },
): void {
  const clip = new OracleClip(tensors);
  if (changed.text) {
    const embed = ({ text }: { text: OracleText }) => TEXTS.flatMap((tokens) => [...clip.text(tokens, text).embed]);
    expect(difference(embed({ text: ORACLE_TEXT }), embed(oracle)).maxRelative).toBeGreaterThan(SEEN);
  }
  if (changed.vision) {
    const embed = ({ vision }: { vision: OracleVision }) => clip.image(planes, side, vision);
    const plain = { ...ORACLE_VISION, normPre: oracle.vision.normPre };
    const effect = difference(embed({ vision: plain }), embed(oracle)).maxRelative;
    // Without the norm's tensors, only its absence can be computed.
    if (oracle.vision.normPre) expect(effect).toBeGreaterThan(SEEN);
  }
}

/** Some tolerances. */
const SEEN = 3 * CLOSE.maxRelative;

describe("keys of open_clip's configs", () => {
  it.each(cases)(
    "are computed: $name",
    async ({ text, vision, model, oracleText, oracleVision, variant = {}, scale }) => {
      const kwargs = {
        model_cfg: { embed_dim: embed, ...model, text_cfg: { ...TEXT, ...text }, vision_cfg: { ...VISION, ...vision } },
        preprocess_cfg: PREPROCESS,
      };
      const oracle = { text: { ...ORACLE_TEXT, ...oracleText }, vision: { ...ORACLE_VISION, ...oracleVision } };
      const tensors = randomClip(variant, scale);
      await expectOracle(kwargs, tensors, oracle.text, oracle.vision);
      expectEffect(tensors, oracle, { text: oracleText, vision: oracleVision });
    },
  );

  it("are computed if custom_text puts the text encoder below text.", async () => {
    const tensors = randomClip({});
    const custom = new Map(
      [...tensors].map(([name, tensor]) => [/^(visual|logit)/.test(name) ? name : `text.${name}`, tensor]),
    );
    const kwargs = { model_cfg: { custom_text: true, text_cfg: TEXT, vision_cfg: VISION }, preprocess_cfg: PREPROCESS };
    const config: ClipConfig = { make: "open_clip", model: "mine", base_model_kwargs: kwargs };
    const { clip, weights } = createClip(config, sourceOf(custom), arena, currentDialect.network);
    using store = weights;
    await store.load();
    const { textEmbed } = await clip.embedText(arena, [Int32Array.from(TEXTS[0]!)]);
    const expected = new OracleClip(tensors).text(TEXTS[0]!, ORACLE_TEXT).embed;
    expectClose(await textEmbed.read(), Float64Array.from(expected), CLOSE);
  });
});

describe("keys of the transformers library's configs", () => {
  const text = {
    hidden_size: SIZES.text,
    num_attention_heads: 2,
    intermediate_size: 4 * SIZES.text,
    num_hidden_layers: 2,
  };
  const vision = {
    hidden_size: SIZES.image,
    num_attention_heads: 3,
    patch_size: 4,
    image_size: side,
    num_hidden_layers: 2,
  };
  // Keys that the library saves in configs, besides those that matter.
  const stored = { attention_dropout: 0.1, bos_token_id: 0, initializer_range: 0.02, projection_dim: 512, top_k: 50 };
  const QUICK = { activation: "quickGelu" } as const;
  const end = { pool: { token: 49407 } };

  it.each([
    { name: "the library's defaults", config: {}, oracleText: { ...QUICK, ...end }, oracleVision: QUICK },
    {
      name: "eos_token_id 2, of configs from before 4.31",
      config: { text_config: { eos_token_id: 2 } },
      oracleText: QUICK,
      oracleVision: QUICK,
    },
    {
      name: "eos_token_id",
      config: { text_config: { eos_token_id: END } },
      oracleText: { ...QUICK, pool: { token: END } },
      oracleVision: QUICK,
    },
    ...(["gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate"] as const).map((hidden_act) => ({
      name: `hidden_act ${hidden_act}`,
      config: { text_config: { hidden_act }, vision_config: { hidden_act } },
      oracleText: { activation: "geluTanh" as const, ...end },
      oracleVision: { activation: "geluTanh" as const },
    })),
    {
      name: "hidden_act relu and silu",
      config: { text_config: { hidden_act: "relu" }, vision_config: { hidden_act: "silu" } },
      oracleText: { activation: "relu" as const, ...end },
      oracleVision: { activation: "silu" as const },
    },
    {
      name: "layer_norm_eps",
      config: { text_config: { layer_norm_eps: 1e-2 }, vision_config: { layer_norm_eps: 1e-2 } },
      oracleText: { ...QUICK, ...end, eps: 1e-2 },
      oracleVision: { ...QUICK, eps: 1e-2 },
      scale: 0.05,
    },
    {
      // `text_config_dict` replaces the other, and so do its defaults.
      name: "text_config_dict",
      config: {
        text_config: { hidden_act: "gelu", eos_token_id: END, num_attention_heads: 4 },
        text_config_dict: { num_attention_heads: 2 },
      },
      oracleText: { ...QUICK, ...end },
      oracleVision: QUICK,
    },
  ])("are computed: $name", async ({ config, oracleText, oracleVision, scale }: TransformersCase) => {
    const kwargs = {
      text_config: { ...text, ...stored, ...config.text_config, model_type: "clip_text_model" },
      vision_config: { ...vision, ...stored, ...config.vision_config, model_type: "clip_vision_model" },
      ...(config.text_config_dict ? { text_config_dict: config.text_config_dict } : {}),
      projection_dim: embed,
      model_type: "clip",
      logit_scale_init_value: 2.6592,
      preprocess_cfg: PREPROCESS,
    };
    const oracle = { text: { ...ORACLE_TEXT, ...oracleText }, vision: { ...ORACLE_VISION, ...oracleVision } };
    await expectOracle(kwargs, randomClip({}, scale), oracle.text, oracle.vision, "openai");
  });
});

interface TransformersCase {
  readonly config: Readonly<Record<string, Record<string, unknown> | undefined>>;
  readonly oracleText: Partial<OracleText>;
  readonly oracleVision: Partial<OracleVision>;
  readonly scale?: number;
}
