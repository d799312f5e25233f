import { describe, expect, it } from "vitest";
import { createClip, type ClipConfig } from "../../../src/models/clip/create.js";
import { withOpenAiNames } from "../../../src/models/clip/transformers-names.js";
import type { Arena } from "../../../src/tensor/arena.js";
import type { Fixture } from "../../../src/fixture/fixture.js";
import { openFixture } from "../../../src/models/open-fixture.js";
import { currentDialect } from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import type { TensorSource } from "../../../src/weights/tensor-source.js";
import { TensorEntry } from "../../../src/weights/tensor-entry.js";
import { transposed } from "../../../src/weights/formats/tensor-views.js";
import { WeightError } from "../../../src/weights/weight-error.js";
import { ConfigError } from "../../../src/config/config-error.js";
import { UnsupportedError } from "../../../src/weights/unsupported-error.js";
import { fixtureFolder } from "../../support/golden.js";
import { openTestArena } from "../../support/gpu.js";

/** Names of `CLIPModel` (transformers 4 and 5, modeling_clip.py), one by one, independent of the tested table. */
function theirName(name: string): string {
  const tower = name.startsWith("visual.") ? "vision_model" : "text_model";
  const layer = /transformer\.resblocks\.(\d+)\.(.*)$/.exec(name);
  if (layer) return `${tower}.encoder.layers.${layer[1]}.${LAYER[layer[2]!]!}`;
  return OUTSIDE[name]!;
}

const LAYER: Readonly<Record<string, string>> = {
  "attn.out_proj.weight": "self_attn.out_proj.weight",
  "attn.out_proj.bias": "self_attn.out_proj.bias",
  "ln_1.weight": "layer_norm1.weight",
  "ln_1.bias": "layer_norm1.bias",
  "mlp.c_fc.weight": "mlp.fc1.weight",
  "mlp.c_fc.bias": "mlp.fc1.bias",
  "mlp.c_proj.weight": "mlp.fc2.weight",
  "mlp.c_proj.bias": "mlp.fc2.bias",
  "ln_2.weight": "layer_norm2.weight",
  "ln_2.bias": "layer_norm2.bias",
  "attn.in_proj_weight": "self_attn.@_proj.weight",
  "attn.in_proj_bias": "self_attn.@_proj.bias",
};

const OUTSIDE: Readonly<Record<string, string>> = {
  logit_scale: "logit_scale",
  text_projection: "text_projection.weight",
  positional_embedding: "text_model.embeddings.position_embedding.weight",
  "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
  "ln_final.weight": "text_model.final_layer_norm.weight",
  "ln_final.bias": "text_model.final_layer_norm.bias",
  "visual.proj": "visual_projection.weight",
  "visual.class_embedding": "vision_model.embeddings.class_embedding",
  "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
  "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
  "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
  "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
  "visual.ln_post.weight": "vision_model.post_layernorm.weight",
  "visual.ln_post.bias": "vision_model.post_layernorm.bias",
};

/** A state dict of OpenAI's CLIP as the transformers library would save it. */
function asTransformers({ name: file, tensors }: TensorSource): TensorSource {
  const theirs = new Map<string, TensorEntry>();
  const add = (entry: TensorEntry) => theirs.set(entry.name, entry);
  for (const [name, entry] of tensors) {
    const renamed = theirName(name);
    if (renamed.includes("@")) {
      ["q", "k", "v"].forEach((part, i) => add(rowsOf(entry, renamed.replace("@", part), i)));
    } else if (name === "text_projection" || name === "visual.proj") add(transposed(renamed, entry));
    else add(entry.renamed(renamed));
  }
  for (const tower of ["text_model", "vision_model"]) {
    const ids = `${tower}.embeddings.position_ids`;
    add(new TensorEntry(ids, "I64", [1, 4], () => Promise.reject(new Error("a buffer that nobody needs"))));
  }
  return { name: file, tensors: theirs };
}

/** The first, second or third part of the rows of a tensor. */
function rowsOf(entry: TensorEntry, name: string, part: number): TensorEntry {
  const count = entry.rowCount / 3;
  return new TensorEntry(name, entry.readableDtype, [count, ...entry.shape.slice(1)], ([start, end], signal) =>
    entry.read([part * count + start, part * count + end], signal),
  );
}

const OPENAI: ClipConfig = { make: "openai", model: "tiny", base_model_kwargs: null };

async function outputs(config: ClipConfig, source: TensorSource, arena: Arena, fixture: Fixture) {
  const { clip, weights } = createClip(config, source, arena, currentDialect.network);
  using store = weights;
  await store.load();
  const tokens = await fixture.tensor("in.tokens");
  const length = tokens.shape[1]!;
  const rows = [0, 1].map((i) => Int32Array.from(tokens.data.subarray(i * length, (i + 1) * length)));
  const { textEmbed, textEncodings } = await clip.embedText(arena, rows);
  const { data, shape } = await fixture.tensor("in.image");
  const image = arena.fromNchw(data, shape as [number, number, number, number], "f32");
  const read = [textEmbed, textEncodings, clip.embedImage(image)].map(async (tensor) => [...(await tensor.read())]);
  return await Promise.all(read);
}

describe("names of the transformers library", () => {
  it("give the outputs of OpenAI's names, bit for bit", async () => {
    const arena = await openTestArena();
    const fixture = await openFixture(fixtureFolder("clip-openai-vit"));
    const source = await fixture.checkpoint();
    const expected = await outputs(OPENAI, source, arena, fixture);
    expect(await outputs(OPENAI, asTransformers(source), arena, fixture)).toEqual(expected);
    // The activation comes from the config beside the file: the exact GELU gives another result.
    const config = { text_config: { hidden_act: "gelu" }, vision_config: { hidden_act: "gelu" } };
    const exact = await outputs({ ...OPENAI, base_model_kwargs: config }, asTransformers(source), arena, fixture);
    for (const [i, values] of exact.entries()) expect(values).not.toEqual(expected[i]);
    await fixture.close();
  });

  it("warn about the activation only if nothing states it", async () => {
    const arena = await openTestArena();
    const fixture = await openFixture(fixtureFolder("clip-openai-vit"));
    const source = await fixture.checkpoint();
    const warned = (config: ClipConfig, from = asTransformers(source)) => {
      const { weights, warnings } = createClip(config, from, arena, currentDialect.network);
      weights.dispose();
      return warnings;
    };
    expect(warned(OPENAI)).toEqual([expect.stringMatching(/quick GELU, assumed.*"make": "open_clip"/)]);
    const stated = { text_config: { hidden_act: "gelu" }, vision_config: { hidden_act: "gelu" } };
    for (const quiet of [
      { ...OPENAI, base_model_kwargs: stated },
      { ...OPENAI, make: "open_clip" as const },
    ]) {
      expect(warned(quiet)).toEqual([]);
    }
    expect(warned({ ...OPENAI, base_model_kwargs: { quick_gelu: false } })).toEqual([]);
    expect(warned(OPENAI, source)).toEqual([]);
    await fixture.close();
  });

  it("leave other state dicts unchanged", () => {
    const source = { name: "clip.pt", tensors: new Map<string, TensorEntry>() };
    expect(withOpenAiNames(source)).toBe(source);
  });

  const KEYS = "text_model.encoder.layers.1.self_attn.k_proj.weight";
  const SIBLINGS = ["q", "k", "v"].map((part) => KEYS.replace("k_proj", `${part}_proj`));
  it.each([
    ["is missing", undefined, [KEYS], []],
    ["has another type than its siblings", new TensorEntry(KEYS, "F64", [32, 32]), SIBLINGS, SIBLINGS],
  ])("name a projection that %s", async (_, keys, missing, unused) => {
    const arena = await openTestArena();
    const fixture = await openFixture(fixtureFolder("clip-openai-vit"));
    const { name, tensors } = asTransformers(await fixture.checkpoint());
    const incomplete = new Map(tensors);
    if (keys) incomplete.set(KEYS, keys);
    else incomplete.delete(KEYS);
    const { weights } = createClip(OPENAI, { name, tensors: incomplete }, arena, currentDialect.network);
    using store = weights;
    const error = await store.load().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(WeightError);
    const { problems } = error as WeightError;
    expect({ ...problems, unused: problems.unused.toSorted() }).toEqual({
      missing,
      unused: unused.toSorted(),
      misshapen: [],
    });
    await fixture.close();
  });
});

describe("createClip", () => {
  const empty = { name: "clip.pth", tensors: new Map<string, TensorEntry>() };

  it("names what base_model_kwargs lack, and where", async () => {
    const arena = await openTestArena();
    const create = (config: ClipConfig) => () => createClip(config, empty, arena, currentDialect.network);
    const coca = { dim: 32, num_tokens: 64, unimodal_depth: 1, image_size: 32, max_text_len: 16 };
    const kwargs = { ...coca, img_encoder: { make: "resnet" } };
    expect(create({ make: "coca", model: "mine", base_model_kwargs: kwargs })).toThrow(ConfigError);
    expect(create({ make: "coca", model: "mine", base_model_kwargs: kwargs })).toThrow(/"mine" \(coca\).*img_encoder/s);
    const causal = { text_causal_mask: true };
    expect(create({ make: "x-clip", model: "mine", base_model_kwargs: causal })).toThrow(/text_causal_mask/);
  });

  it("refuses an x-clip from before 0.7", async () => {
    const arena = await openTestArena();
    const name = "visual_transformer.cls_token";
    const token = new TensorEntry(name, "F32", [512], () => Promise.reject(new Error("only the header is needed")));
    const old = { name: "old.pth", tensors: new Map([[name, token]]) };
    const config = { make: "x-clip", model: "old", base_model_kwargs: null } as const;
    expect(() => createClip(config, old, arena, currentDialect.network)).toThrow(UnsupportedError);
    expect(() => createClip(config, old, arena, currentDialect.network)).toThrow(/old\.pth: .*before 0\.7/);
  });
});
