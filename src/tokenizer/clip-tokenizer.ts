import { BytePairEncoder, type Vocabulary } from "./byte-pair-encoder.js";
import { cleanPlainText } from "./clean.js";
import { reportTooLong, type TooLongOptions } from "./prompt-too-long.js";
import { END_WORD, START_WORD, wordsOf } from "./words.js";

export interface ClipTokenizerOptions extends Vocabulary {
  /** Token ids of the start, the end and the padding of a text. */
  readonly start: number;
  readonly end: number;
  readonly padding: number;
  /** Texts that are tokens wherever they stand in a prompt, even inside of a word, as they are written; with their ids. */
  readonly added: ReadonlyMap<string, number>;
}

/**
 * `CLIPTokenizer` of the transformers library (4.45, the one in Python, with ftfy): OpenAI's byte pair encoding with a
 * vocabulary of its own, which decodes no HTML.
 * @see https://github.com/huggingface/transformers/blob/d6751d91c8f58cdeb35af6adae182d7dc90aa883/src/transformers/models/clip/tokenization_clip.py#L253-L487
 */
export class ClipTokenizer {
  readonly #options: ClipTokenizerOptions;
  /** Token ids of all symbols and added tokens. */
  readonly #ids: ReadonlyMap<string, number>;
  readonly #encoder: BytePairEncoder;
  /** Splits a text at added tokens, which it captures. */
  readonly #added: RegExp;

  constructor(options: ClipTokenizerOptions) {
    this.#options = options;
    this.#ids = new Map([...options.ids, ...options.added]);
    this.#encoder = new BytePairEncoder({ ...options, ids: this.#ids });
    this.#added = anyOf([...options.added.keys()]);
  }

  /** The token that rows are padded with. */
  get padding(): number {
    return this.#options.padding;
  }

  /**
   * Returns a row for each text, without padding: start token, text, end token. A row has at most `contextLength` tokens; a
   * truncated one ends with the end token.
   */
  tokenize(texts: readonly string[], contextLength: number, options: TooLongOptions = {}): Int32Array[] {
    const { start, end } = this.#options;
    return texts.map((text) => {
      const tokens = this.encode(text);
      const length = tokens.length + 2;
      if (length > contextLength) reportTooLong(text, length, contextLength, options);
      return Int32Array.of(start, ...tokens.slice(0, contextLength - 2), end);
    });
  }

  /** Returns the token ids of a text, without start and end tokens; of any length. */
  encode(text: string): number[] {
    return text.split(this.#added).flatMap((part, i) => {
      // Parts between added tokens come first, and then every second one.
      return i % 2 === 1 ? this.#ids.get(part)! : this.#encodePart(part);
    });
  }

  #encodePart(text: string): number[] {
    return wordsOf(cleanPlainText(text)).flatMap((word) => {
      const isSpecial = word === START_WORD || word === END_WORD;
      return isSpecial ? (this.#ids.get(word) ?? this.#options.unknown) : this.#encoder.encode(word);
    });
  }
}

/** Matches and captures any of the texts, of several at one place the longest. Matches nothing if there are none. */
function anyOf(texts: readonly string[]): RegExp {
  const longestFirst = texts.toSorted((a, b) => b.length - a.length);
  const escaped = longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(`(${escaped.join("|") || "(?!)"})`, "u");
}
