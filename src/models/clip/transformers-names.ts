import type { TensorSource } from "../../weights/tensor-source.js";
import type { TensorEntry } from "../../weights/tensor-entry.js";
import { concatRows, transposed } from "../../weights/formats/tensor-views.js";

type Names = readonly [theirs: string, ours: string];

/** Modules (with a dot) and tensors of `CLIPModel` in the transformers library (4.x) and in openai/CLIP. */
const OUTER: readonly Names[] = [
  ["text_model.embeddings.token_embedding.", "token_embedding."],
  ["text_model.embeddings.position_embedding.weight", "positional_embedding"],
  ["text_model.final_layer_norm.", "ln_final."],
  ["text_model.encoder.layers.", "transformer.resblocks."],
  ["text_projection.weight", "text_projection"],
  ["vision_model.embeddings.class_embedding", "visual.class_embedding"],
  ["vision_model.embeddings.patch_embedding.", "visual.conv1."],
  ["vision_model.embeddings.position_embedding.weight", "visual.positional_embedding"],
  // Misspelt in the library.
  ["vision_model.pre_layrnorm.", "visual.ln_pre."],
  ["vision_model.post_layernorm.", "visual.ln_post."],
  ["vision_model.encoder.layers.", "visual.transformer.resblocks."],
  ["visual_projection.weight", "visual.proj"],
];

/** Parts of a layer. */
const INNER: readonly Names[] = [
  [".self_attn.in_proj_", ".attn.in_proj_"],
  [".self_attn.out_proj.", ".attn.out_proj."],
  [".layer_norm1.", ".ln_1."],
  [".layer_norm2.", ".ln_2."],
  [".mlp.fc1.", ".mlp.c_fc."],
  [".mlp.fc2.", ".mlp.c_proj."],
];

/** Multiplied from the left there, from the right here. */
const TRANSPOSED: ReadonlySet<string> = new Set(["text_projection", "visual.proj"]);

/** Buffers with the numbers 0, 1, …, which older versions saved. */
const POSITION_IDS = ".embeddings.position_ids";

/**
 * The query projection of an attention; those of keys and values have similar names. openai/CLIP has all three in one
 * tensor, in this order.
 */
const QUERIES = /^(.*\.self_attn\.)q_proj\.(weight|bias)$/;
const PARTS = ["q", "k", "v"] as const;
/** The same in one tensor. */
const JOINED = /^(.*\.self_attn\.)in_proj_(weight|bias)$/;

/** Prefix of the text encoder in open_clip's `CustomTextCLIP` (`custom_text` in its config). */
const CUSTOM_TEXT = "text.";

/**
 * Renames the state dict of a CLIP to the names of openai/CLIP, if it has those of the transformers library (the model hub's
 * `openai/clip-*`, LAION's `CLIP-ViT-*`) or of open_clip's `CustomTextCLIP`. Returns any other unchanged. Reads no tensor.
 */
export function withOpenAiNames(source: TensorSource): TensorSource {
  if (source.tensors.has(`${CUSTOM_TEXT}token_embedding.weight`)) return withoutPrefix(source, CUSTOM_TEXT);
  return source.tensors.has("text_model.embeddings.token_embedding.weight") ? fromTransformers(source) : source;
}

/** The same for a state dict that is known to have the names of the transformers library, or one encoder's part of one. */
export function fromTransformers(source: TensorSource): TensorSource {
  const renamed = new Map<string, TensorEntry>();
  for (const [name, entry] of withJoinedProjections(source.tensors)) {
    if (name.endsWith(POSITION_IDS)) continue;
    const ours = translated(name, ([from, to]) => [from, to]);
    renamed.set(ours, TRANSPOSED.has(ours) && entry.shape.length === 2 ? transposed(ours, entry) : entry);
  }
  return { ...source, tensors: renamed, namesInFile: theirNames };
}

/** Translates a name, in the direction that `pair` gives a pair of names. */
function translated(name: string, pair: (names: Names) => readonly [from: string, to: string]): string {
  const outer = OUTER.map(pair).find(([from]) => (from.endsWith(".") ? name.startsWith(from) : name === from));
  const moved = outer ? outer[1] + name.slice(outer[0].length) : name;
  return INNER.map(pair).reduce((current, [from, to]) => current.replace(from, to), moved);
}

/** The names in a file of the transformers library of a tensor with our name. */
function theirNames(name: string): readonly string[] {
  const whole = translated(name, ([theirs, ours]) => [ours, theirs]);
  const [, path, kind] = JOINED.exec(whole) ?? [];
  if (path === undefined) return [whole];
  return PARTS.map((part) => `${path}${part}_proj.${kind}`);
}

function withoutPrefix(source: TensorSource, prefix: string): TensorSource {
  const renamed = [...source.tensors].map(([key, entry]): [string, TensorEntry] => {
    return key.startsWith(prefix) ? [key.slice(prefix.length), entry] : [key, entry];
  });
  return { ...source, tensors: new Map(renamed) };
}

/** The same tensors, with queries, keys and values joined to `in_proj_weight` and `in_proj_bias`. */
function withJoinedProjections(tensors: ReadonlyMap<string, TensorEntry>): ReadonlyMap<string, TensorEntry> {
  const joined = new Map(tensors);
  for (const name of tensors.keys()) {
    const [, path, kind] = QUERIES.exec(name) ?? [];
    if (path === undefined) continue;
    const names = PARTS.map((part) => `${path}${part}_proj.${kind}`);
    const parts = names.flatMap((part) => tensors.get(part) ?? []);
    const whole = `${path}in_proj_${kind}`;
    const entry = parts.length === PARTS.length ? concatRows(whole, parts) : undefined;
    // Incomplete sets stay, so that the error about tensors that do not fit names them.
    if (!entry) continue;
    for (const part of names) joined.delete(part);
    joined.set(whole, entry);
  }
  return joined;
}
