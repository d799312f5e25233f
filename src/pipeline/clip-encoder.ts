import { checkFinite } from "../diffusion/sampling-error.js";
import { toPlanes, type RgbImage } from "../image/image.js";
import { resizeLanczos } from "../image/pillow-resize.js";
import type { Encoders, ImageEncoder, TextEncoder } from "../models/interfaces.js";
import { ArgumentError, list, text as textRule } from "../platform/arguments.js";
import { loadPart } from "../platform/load-part.js";
import { stackPlanes } from "./decoder-inputs.js";
import { splitRows, type Embedding, type Row } from "./embedding.js";
import { computeRows } from "./compute-rows.js";
import { IMAGE_ENCODER } from "../models/component.js";
import type { Computed } from "./manager/computed-model.js";
import { missingModel } from "./manager/missing-model.js";
import type { DalleModelManager } from "./manager/model-manager.js";
import type { ScriptOptions } from "./script-options.js";

/** The embeddings of no image, which take a load of the image encoder. */
const NULL_EMBEDDINGS = new WeakMap<DalleModelManager, Embedding>();

/** CLIP as scripts use it: makes tokens, embeddings and text encodings, on the host. */
export class ClipEncoder {
  constructor(
    private readonly manager: DalleModelManager,
    private readonly tokenization: ScriptOptions["tokenization"],
    private readonly warn: (message: string) => void,
  ) {}

  /** Throws `SamplingError` if the load config names no CLIP. */
  get encoders(): Encoders {
    const clip = this.manager.models.clip?.model;
    if (!clip) throw missingModel(this.manager.config, "CLIP");
    return clip;
  }

  /** Returns a row of tokens for each text, as the prior reads it. */
  async tokenize(text: readonly string[]): Promise<Int32Array[]> {
    return this.#tokenize(text, this.manager.models.clip?.model.text);
  }

  /** The same, as the decoder reads it. */
  async tokenizeForDecoder(text: readonly string[]): Promise<Int32Array[]> {
    const own = this.manager.models.decoder?.model.textEncoder?.encoder;
    return this.#tokenize(text, own ?? this.manager.models.clip?.model.text);
  }

  async #tokenize(text: readonly string[], encoder: TextEncoder | undefined): Promise<Int32Array[]> {
    list(textRule)("text", text);
    const { warn } = this;
    if (encoder?.tokenize) {
      this.#refuseTokenization();
      return encoder.tokenize(text, { warn });
    }
    const { tokenizeBare, tokenizeOpenAi } = await loadPart("the tokenizer", () => import("../tokenizer/tokenize.js"));
    if (this.tokenization === "dalle2-laion") return tokenizeBare(text, { warn });
    const { contextLength, tokenization } = encoder ?? this.#textEncoder;
    const tokenize = tokenization === "openai" ? tokenizeOpenAi : tokenizeBare;
    return tokenize(text, { contextLength, warn });
  }

  /** The files of a tokenizer say how it tokenizes. */
  #refuseTokenization(): void {
    if (this.tokenization === undefined || this.tokenization === "clip") return;
    const problem = "would change nothing: the model has a tokenizer of its own, which is always used";
    throw new ArgumentError("tokenization", `tokenization ${this.tokenization} ${problem}. Leave it out.`);
  }

  get #textEncoder(): TextEncoder {
    const { text } = this.encoders;
    if (!text) throw missingModel(this.manager.config, "text encoder");
    return text;
  }

  get #imageEncoder(): ImageEncoder {
    const { image } = this.encoders;
    if (!image) throw missingModel(this.manager.config, "image encoder");
    return image;
  }

  /** Returns the embedding of no image, `[dimLatent]`; undefined if the image encoder has none. It is computed once. */
  async embedNull(signal?: AbortSignal): Promise<Embedding | undefined> {
    const { manager } = this;
    const known = NULL_EMBEDDINGS.get(manager);
    if (known ?? !this.#imageEncoder.embedNull) return known;
    const embed = ({ model, dtype, inF32 }: Computed<ImageEncoder>): Promise<Embedding[]> =>
      computeRows(manager, { name: "images", count: 1, dtype }, async (arena) => {
        using embedded = model.embedNull!(arena);
        const values = await embedded.read();
        checkFinite({ component: IMAGE_ENCODER, dtype, what: "the embedding of no image" }, values);
        return splitRows(values, embedded.shape, inF32);
      });
    const [embedding] = await manager.useImageEncoder(embed, signal);
    NULL_EMBEDDINGS.set(manager, embedding!);
    return embedding;
  }

  /** Returns embeddings of images, `[dimLatent]` each. Images are first resized to CLIP's size as Pillow's LANCZOS does. */
  async embedImages(images: readonly RgbImage[], signal?: AbortSignal): Promise<Embedding[]> {
    const encoder = this.#imageEncoder;
    const size = encoder.imageSize;
    const planes = images.map((image) => toPlanes(encoder.preprocess?.(image) ?? resizeLanczos(image, size, size)));
    const rows = planes.map((data): Row => ({ shape: [3, size, size], data }));
    const embed = ({ model: clip, dtype, inF32 }: Computed<ImageEncoder>): Promise<Embedding[]> =>
      computeRows(this.manager, { name: "images", count: rows.length, dtype }, async (arena, start, end) => {
        signal?.throwIfAborted();
        using embedded = arena.scope(() => clip.embedImage(stackPlanes(arena, rows.slice(start, end))));
        const values = await embedded.read();
        checkFinite({ component: IMAGE_ENCODER, dtype, what: "an image's embedding" }, values);
        return splitRows(values, embedded.shape, inF32);
      });
    return this.manager.useImageEncoder(embed, signal);
  }
}
