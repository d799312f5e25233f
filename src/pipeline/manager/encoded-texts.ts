import { checkFinite } from "../../diffusion/sampling-error.js";
import { fittedRows } from "../../models/clip/text-input.js";
import type { TextEncoder } from "../../models/interfaces.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Computed } from "./computed-model.js";
import { splitRows, stackRows, type Embedding } from "../embedding.js";

/** Text embedding and text encodings of a text, on the host. */
export interface EncodedText {
  /** `[dimLatent]` */
  readonly textEmbed: Embedding;
  /** `[length, width]` */
  readonly textEncodings: Embedding;
  /** 1 for each encoding of a token, 0 for padding. */
  readonly textMask: readonly number[];
}

/** Maximum number of texts in a batch. */
const TEXTS_PER_BATCH = 64;
/** Maximum number of texts in memory. With the largest known CLIP, they take a third of a gigabyte. */
const MAX_REMEMBERED = 1000;

/** Encodes texts in batches and keeps the results, since prior and decoder need the same texts. */
export class EncodedTexts {
  readonly #known = new Map<string, EncodedText>();

  /** `pads`: whether the encoder pads rows to one length by itself. */
  constructor(
    private readonly encode: (tokens: readonly Int32Array[], signal?: AbortSignal) => Promise<EncodedText[]>,
    private readonly pads: () => boolean = () => false,
  ) {}

  /** Encodes rows of tokens. Their encodings have one length: rows are padded to the length of the longest. */
  async of(tokens: readonly Int32Array[], signal?: AbortSignal): Promise<EncodedText[]> {
    const longest = Math.max(0, ...tokens.map(({ length }) => length));
    const rows = this.pads() ? tokens : fittedRows(tokens, longest);
    const wanted = new Map(rows.map((row) => [row.join(), row]));
    const unknown = [...wanted].filter(([key]) => !this.#known.has(key));
    const found = new Map([...wanted.keys()].map((key) => [key, this.#known.get(key)]));
    for (let start = 0; start < unknown.length; start += TEXTS_PER_BATCH) {
      const some = unknown.slice(start, start + TEXTS_PER_BATCH);
      const encoded = await this.encode(
        some.map(([, row]) => row),
        signal,
      );
      for (const [i, [key]] of some.entries()) found.set(key, encoded[i]);
    }
    for (const [key, text] of found) this.#remember(key, text!);
    return rows.map((row) => found.get(row.join())!);
  }

  /** Stores a text as the latest. The text that was not used for the longest time is dropped. */
  #remember(key: string, text: EncodedText): void {
    this.#known.delete(key);
    this.#known.set(key, text);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_REMEMBERED) this.#known.delete(oldest!);
  }
}

/** Texts on the GPU, as inputs of the prior. */
export class TextTensors {
  private constructor(
    /** `[B, dimLatent]`, f32. */
    readonly textEmbed: Tensor,
    /** `[B, length, width]` */
    readonly textEncodings: Tensor,
    readonly textMask: readonly (readonly number[])[],
  ) {}

  static upload(arena: Arena, texts: readonly EncodedText[]): TextTensors {
    const { embed, encodings } = arena.scope(() => ({
      embed: stackRows(
        arena,
        texts.map(({ textEmbed }) => textEmbed),
        "f32",
      ),
      encodings: stackRows(
        arena,
        texts.map(({ textEncodings }) => textEncodings),
      ),
    }));
    return new TextTensors(
      embed,
      encodings,
      texts.map(({ textMask }) => textMask),
    );
  }

  [Symbol.dispose](): void {
    this.textEmbed.dispose();
    this.textEncodings.dispose();
  }
}

/**
 * Encodes rows of tokens of one length as a batch. `arena` has the dtype of the model, and `component` is its name. Rejects with
 * `NotFiniteError`.
 */
export async function encodeTokens(
  arena: Arena,
  { model: clip, dtype, inF32 }: Computed<TextEncoder>,
  tokens: readonly Int32Array[],
  { component, signal }: { readonly component: string; readonly signal?: AbortSignal | undefined },
): Promise<EncodedText[]> {
  const embedded = await clip.embedText(arena, tokens, signal ? { signal } : {});
  using textEmbed = embedded.textEmbed;
  using textEncodings = embedded.textEncodings;
  const readRows = async (tensor: Tensor, what: string): Promise<Embedding[]> => {
    const values = await tensor.read();
    checkFinite({ component, dtype, what }, values);
    return splitRows(values, tensor.shape, inF32);
  };
  const embeds = await readRows(textEmbed, "a text's embedding");
  const encodings = await readRows(textEncodings, "a text's encodings");
  return embedded.textMask.map((textMask, i) => ({ textEmbed: embeds[i]!, textEncodings: encodings[i]!, textMask }));
}
