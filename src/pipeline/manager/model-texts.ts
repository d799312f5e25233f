import { DECODER_TEXT_ENCODER, TEXT_ENCODER } from "../../models/component.js";
import type { Cascade, TextEncoder } from "../../models/interfaces.js";
import type { Arena } from "../../tensor/arena.js";
import type { Computed } from "./computed-model.js";
import type { Models } from "./computed-models.js";
import { EncodedTexts, encodeTokens, type EncodedText } from "./encoded-texts.js";

/** What encoding texts needs of a manager. */
interface TextComputing {
  readonly models: Models;
  withArena<T>(body: (arena: Arena) => Promise<T>): Promise<T>;
  splitBatch<Row>(
    arena: Arena,
    name: string,
    size: number,
    body: (start: number, end: number) => Promise<readonly Row[]>,
  ): Promise<Row[]>;
  useTextEncoder<T>(body: (encoder: Computed<TextEncoder>) => Promise<T>, signal?: AbortSignal): Promise<T>;
  useCascade<T>(component: string, body: (decoder: Computed<Cascade>) => Promise<T>, signal?: AbortSignal): Promise<T>;
}

/** Runs `body` with a text encoder whose weights are on the GPU. */
type UseEncoder = (
  body: (encoder: Computed<TextEncoder>) => Promise<EncodedText[]>,
  signal?: AbortSignal,
) => Promise<EncodedText[]>;

/** The texts of a manager's models, on the host. The prior and the decoder may have different text encoders. */
export class ModelTexts {
  readonly #ofClip: EncodedTexts;
  readonly #ofDecoder: EncodedTexts;

  constructor(private readonly manager: TextComputing) {
    this.#ofClip = this.#texts(
      TEXT_ENCODER,
      (body, signal) => manager.useTextEncoder(body, signal),
      () => manager.models.clip?.model.text,
    );
    this.#ofDecoder = this.#texts(
      DECODER_TEXT_ENCODER,
      (body, signal) => {
        const own = ({ model, ...rest }: Computed<Cascade>) => body({ ...rest, model: model.textEncoder!.encoder });
        return manager.useCascade(manager.models.decoder!.model.textEncoder!.component, own, signal);
      },
      () => manager.models.decoder?.model.textEncoder?.encoder,
    );
  }

  /** Encodes rows of tokens by CLIP. */
  ofPrior(tokens: readonly Int32Array[], signal?: AbortSignal): Promise<EncodedText[]> {
    return this.#ofClip.of(tokens, signal);
  }

  /** Encodes rows of tokens by the text encoder of the decoder, or by CLIP if it has none. */
  ofDecoder(tokens: readonly Int32Array[], signal?: AbortSignal): Promise<EncodedText[]> {
    const hasOwn = this.manager.models.decoder?.model.textEncoder !== undefined;
    return (hasOwn ? this.#ofDecoder : this.#ofClip).of(tokens, signal);
  }

  #texts(component: string, use: UseEncoder, encoder: () => TextEncoder | undefined): EncodedTexts {
    const { manager } = this;
    const encode = (tokens: readonly Int32Array[], signal?: AbortSignal): Promise<EncodedText[]> =>
      manager.withArena((arena) =>
        manager.splitBatch(arena, "texts", tokens.length, (start, end) =>
          use(
            (own) => encodeTokens(arena.withType(own.dtype), own, tokens.slice(start, end), { component, signal }),
            signal,
          ),
        ),
      );
    // An encoder with a vocabulary of its own knows what its padding is.
    return new EncodedTexts(encode, () => encoder()?.tokenize !== undefined);
  }
}
