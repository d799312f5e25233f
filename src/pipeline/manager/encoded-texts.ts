import { checkFinite } from "../../diffusion/sampling-error.js";
import { fittedRows } from "../../models/clip/text-input.js";
import type { TextEncoder } from "../../models/interfaces.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import { TEXT_ENCODER } from "../../models/component.js";
import type { Computed } from "./computed-model.js";
import { splitRows, stackRows, type Embedding } from "../embedding.js";

/** What CLIP makes of a text, on the host. */
export interface EncodedText {
  /** `[dimLatent]` */
  readonly textEmbed: Embedding;
  /** `[length, width]` */
  readonly textEncodings: Embedding;
  /** 1 or 0 for each encoding: 0 is padding. */
  readonly textMask: readonly number[];
}

/** Texts encoded at once. */
const AT_ONCE = 64;
/** Texts remembered: of the largest CLIP that is known here, a third of a gigabyte. */
const REMEMBERED = 1000;

/** Encodes texts all at once before anything else runs, and remembers them: prior and decoder want the same ones. */
export class EncodedTexts {
  readonly #known = new Map<string, EncodedText>();

  constructor(
    private readonly encode: (tokens: readonly Int32Array[], signal?: AbortSignal) => Promise<EncodedText[]>,
  ) {}

  /** Of rows of tokens, each of which is filled up to the longest. */
  async of(tokens: readonly Int32Array[], signal?: AbortSignal): Promise<EncodedText[]> {
    const rows = fittedRows(tokens, Math.max(0, ...tokens.map(({ length }) => length)));
    const wanted = new Map(rows.map((row) => [row.join(), row]));
    const unknown = [...wanted].filter(([key]) => !this.#known.has(key));
    const found = new Map([...wanted.keys()].map((key) => [key, this.#known.get(key)]));
    for (let start = 0; start < unknown.length; start += AT_ONCE) {
      const some = unknown.slice(start, start + AT_ONCE);
      const encoded = await this.encode(
        some.map(([, row]) => row),
        signal,
      );
      for (const [i, [key]] of some.entries()) found.set(key, encoded[i]);
    }
    for (const [key, text] of found) this.#remember(key, text!);
    return rows.map((row) => found.get(row.join())!);
  }

  /** As the latest, so that the oldest goes first. */
  #remember(key: string, text: EncodedText): void {
    this.#known.delete(key);
    this.#known.set(key, text);
    const [oldest] = this.#known.keys();
    if (this.#known.size > REMEMBERED) this.#known.delete(oldest!);
  }
}

/** Texts on the GPU: what the prior is given. */
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

/** Encodes rows of tokens of one length at once, on an arena of the type that the model computes in. Rejects with `NotFiniteError`. */
export async function encodeTokens(
  arena: Arena,
  { model: clip, dtype, inF32 }: Computed<TextEncoder>,
  tokens: readonly Int32Array[],
  signal?: AbortSignal,
): Promise<EncodedText[]> {
  const embedded = await clip.embedText(arena, tokens, signal ? { signal } : {});
  using textEmbed = embedded.textEmbed;
  using textEncodings = embedded.textEncodings;
  const readRows = async (tensor: Tensor, what: string): Promise<Embedding[]> => {
    const values = await tensor.read();
    checkFinite({ component: TEXT_ENCODER, dtype, what }, values);
    return splitRows(values, tensor.shape, inF32);
  };
  const embeds = await readRows(textEmbed, "a text's embedding");
  const encodings = await readRows(textEncodings, "a text's encodings");
  return embedded.textMask.map((textMask, i) => ({ textEmbed: embeds[i]!, textEncodings: encodings[i]!, textMask }));
}
