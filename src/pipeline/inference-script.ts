import type { Decoder } from "../diffusion/decoder.js";
import { checkFinite, SamplingError } from "../diffusion/sampling-error.js";
import { fromPlanes, toPlanes, type RgbImage } from "../image/image.js";
import { resizeLanczos } from "../image/pillow-resize.js";
import type { ClipModel } from "../models/clip/clip-model.js";
import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import { tokenizeBare, tokenizeOpenAi } from "../tokenizer/tokenize.js";
import { batchesOf, type Batch } from "./batches.js";
import { DataRequirements } from "./data-requirements.js";
import { splitRows, stackRows, type Embedding } from "./embedding.js";
import type { DalleModelManager } from "./model-manager.js";
import { noiseFor, randomnessOf, type RandomOptions } from "./randomness.js";

/** A step that has been taken: `step` of `steps` of the prior, or of U-Net `unetNumber`, in batch `batch` of `batches`. */
export interface ScriptProgress {
  readonly phase: "prior" | "decoder";
  /** Counted from 1; absent for the prior. */
  readonly unetNumber?: number;
  readonly step: number;
  readonly steps: number;
  /** Counted from 1. */
  readonly batch: number;
  readonly batches: number;
}

/** What every long call takes. */
export interface CallOptions extends RandomOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: ScriptProgress) => void) | undefined;
  /**
   * Takes each picture as soon as its batch is done, so that nothing is lost when a later one fails. `index` counts over the
   * call: input × samples of each + sample. The call waits for what it returns.
   */
  readonly onPicture?: ((picture: RgbImage, index: number) => void | Promise<void>) | undefined;
}

export interface SamplePriorOptions extends CallOptions {
  /** Default: that of the load config. */
  readonly condScale?: number | undefined;
  /** Embeddings for each text. Default 1. */
  readonly sampleCount?: number | undefined;
  /** Most embeddings computed at once. Default 100. */
  readonly batchSize?: number | undefined;
  /** Candidates for each embedding, of which the one most like the text is kept. Default 2. */
  readonly numSamplesPerBatch?: number | undefined;
  /** Sampling steps. Default: that of the load config, or of the checkpoint. */
  readonly timesteps?: number | undefined;
}

/** True where a pixel of the picture is kept, row by row. */
export type Mask = ArrayLike<boolean | number>;

export interface SampleDecoderOptions extends CallOptions {
  /** Pictures to embed by CLIP; or, starting above U-Net 1, to enlarge. */
  readonly images?: readonly RgbImage[] | undefined;
  readonly imageEmbed?: readonly Embedding[] | undefined;
  readonly text?: readonly string[] | undefined;
  readonly textEncoding?: readonly Embedding[] | undefined;
  /** Square pictures of one size, of which `inpaintImageMasks` says what is kept. */
  readonly inpaintImages?: readonly RgbImage[] | undefined;
  readonly inpaintImageMasks?: readonly Mask[] | undefined;
  /** How often each step is taken when inpainting. Default 5. */
  readonly inpaintResampleTimes?: number | undefined;
  /** For all U-Nets, or for each. Default: that of the load config. */
  readonly condScale?: number | readonly number[] | undefined;
  /** Pictures for each input. Default 1. */
  readonly sampleCount?: number | undefined;
  /** Most pictures computed at once. Default 10. */
  readonly batchSize?: number | undefined;
  /** Sampling steps for all U-Nets, or for each. Default: that of the load config, or of the checkpoint. */
  readonly timesteps?: number | readonly (number | null)[] | undefined;
  readonly startAtUnetNumber?: number | undefined;
  readonly stopAtUnetNumber?: number | undefined;
}

export interface ScriptOptions {
  /**
   * `clip`, the default: as the CLIP's own training did, OpenAI's with start and end tokens. `dalle2-laion`: without them
   * for every CLIP, as upstream's scripts do.
   */
  readonly tokenization?: "clip" | "dalle2-laion" | undefined;
  /** Takes warnings; default `console.warn`. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** Base of scripts that run the models (dalle2-laion's `InferenceScript`). A script is a subclass with a `run` of its own. */
export abstract class InferenceScript {
  constructor(
    protected readonly manager: DalleModelManager,
    private readonly options: ScriptOptions = {},
  ) {}

  /** Image embeddings for texts, or for rows of tokens: by index of the text, `sampleCount` for each. */
  protected async samplePrior(
    textOrTokens: readonly string[] | readonly Int32Array[],
    options: SamplePriorOptions = {},
  ): Promise<Map<number, Embedding[]>> {
    const prior = this.manager.prior?.model;
    if (!prior) throw new SamplingError("There is no prior in the load config, and this needs one.");
    const { sampleCount = 1, batchSize = 100, numSamplesPerBatch, timesteps, signal, onProgress } = options;
    const condScale = options.condScale ?? this.manager.defaultPriorCondScale;
    const tokens = textOrTokens.map((one) => (typeof one === "string" ? this.tokenizeText([one])[0]! : one));
    const batches = batchesOf(tokens.length, sampleCount, batchSize);
    const randomness = randomnessOf(options);
    const result = new Map<number, Embedding[]>();
    for (const [index, batch] of batches.entries()) {
      const embedded = await this.clip.embedText(
        batch.inputs.map((input) => tokens[input]!),
        signal ? { signal } : {},
      );
      using textEmbed = embedded.textEmbed;
      using textEncodings = embedded.textEncodings;
      const data = await prior.sample({
        textEmbed,
        textEncodings,
        textMask: embedded.textMask,
        condScale,
        numSamplesPerBatch,
        timesteps,
        signal,
        noise: noiseFor(randomness, batch, tokens.length * sampleCount),
        onStep: (step, steps) =>
          onProgress?.({ phase: "prior", step, steps, batch: index + 1, batches: batches.length }),
      });
      collect(result, batch, splitRows(data, textEmbed.shape));
    }
    return result;
  }

  /** Pictures: by index of the input, `sampleCount` for each. Throws `SamplingError` where the decoder needs other inputs. */
  protected async sampleDecoder(options: SampleDecoderOptions): Promise<Map<number, RgbImage[]>> {
    const decoder = this.manager.decoder?.model;
    if (!decoder) throw new SamplingError("There is no decoder in the load config, and this needs one.");
    const { sampleCount = 1, batchSize = 10, signal, onProgress } = options;
    const inputs = await this.#decoderInputs(decoder, options);
    const count = commonCount(inputs);
    const batches = batchesOf(count, sampleCount, batchSize);
    const randomness = randomnessOf(options);
    const result = new Map<number, RgbImage[]>();
    for (const [index, batch] of batches.entries()) {
      using tensors = this.#uploadBatch(inputs, batch);
      const images = await decoder.sample({
        imageEmbed: tensors.imageEmbed,
        textEncodings: tensors.textEncodings,
        image: tensors.image,
        inpaintImage: tensors.inpaintImage,
        inpaintMask: tensors.inpaintMask,
        inpaintResampleTimes: options.inpaintResampleTimes,
        condScale: options.condScale ?? this.manager.defaultDecoderCondScale,
        timesteps: options.timesteps,
        startAtUnetNumber: options.startAtUnetNumber,
        stopAtUnetNumber: options.stopAtUnetNumber,
        signal,
        noise: noiseFor(randomness, batch, count * sampleCount),
        onProgress: (progress) =>
          onProgress?.({ phase: "decoder", ...progress, batch: index + 1, batches: batches.length }),
      });
      const pictures = await readPictures(images);
      for (const [i, picture] of pictures.entries()) await options.onPicture?.(picture, batch.start + i);
      collect(result, batch, pictures);
    }
    return result;
  }

  /** CLIP's embeddings of pictures, `[dimLatent]` each. Pictures are resized to CLIP's size as Pillow's LANCZOS does. */
  protected async embedImages(images: readonly RgbImage[]): Promise<Embedding[]> {
    const { imageSize: size } = this.clip;
    const { arena } = this.manager;
    const planes = images.map((image) => toPlanes(resizeLanczos(image, size, size)));
    const rows = planes.map((data): Embedding => ({ shape: [3, size, size], data }));
    using embedded = arena.scope(() => this.clip.embedImage(stackPlanes(arena, rows)));
    return splitRows(await embedded.read(), embedded.shape);
  }

  /** CLIP's text encodings, `[contextLength, width]` each. */
  protected async encodeText(text: readonly string[]): Promise<Embedding[]> {
    const distinct = [...new Set(text)];
    const { textEmbed, textEncodings } = await this.clip.embedText(this.tokenizeText(distinct));
    textEmbed.dispose();
    using encodings = textEncodings;
    const rows = splitRows(await encodings.read(), encodings.shape);
    return text.map((one) => rows[distinct.indexOf(one)]!);
  }

  /** A row of tokens for each text. */
  protected tokenizeText(text: readonly string[]): Int32Array[] {
    const { tokenization = "clip", onWarning = console.warn } = this.options;
    if (tokenization === "dalle2-laion") return tokenizeBare(text, { warn: onWarning });
    const { contextLength, tokenization: own } = this.clip;
    const tokenize = own === "openai" ? tokenizeOpenAi : tokenizeBare;
    return tokenize(text, { contextLength, warn: onWarning });
  }

  /** Throws `SamplingError` where the load config names no CLIP. */
  protected get clip(): ClipModel {
    const clip = this.manager.clip?.model;
    if (!clip) throw new SamplingError("There is no CLIP in the load config, and this needs one.");
    return clip;
  }

  /** What the decoder takes, embedded where it was not given so. */
  async #decoderInputs(decoder: Decoder, options: SampleDecoderOptions): Promise<DecoderInputs> {
    const { images, imageEmbed, text, textEncoding, startAtUnetNumber = 1 } = options;
    const stages = decoder.stages.map(({ stage }) => stage);
    const requirements = DataRequirements.ofDecoder(stages, startAtUnetNumber, this.manager.clip !== undefined);
    const problems = requirements.problems({
      imageEmbedding: imageEmbed !== undefined,
      textEncoding: textEncoding !== undefined,
      text: text !== undefined,
      imageSize: images && Math.min(...images.flatMap(({ width, height }) => [width, height])),
    });
    if (problems.length > 0) throw new SamplingError(`The decoder cannot run on this. ${problems.join(" ")}`);
    const { imageEmbedding, textEncoding: needsText, image } = requirements.needs;
    return {
      imageEmbed: imageEmbedding ? (imageEmbed ?? (await this.embedImages(images!))) : undefined,
      textEncodings: needsText ? (textEncoding ?? (await this.encodeText(text!))) : undefined,
      image: image ? images!.map(planesOf) : undefined,
      inpaintImage: options.inpaintImages?.map(planesOf),
      inpaintMask: options.inpaintImageMasks?.map((mask, i) => maskPlane(mask, options.inpaintImages?.[i])),
    };
  }

  #uploadBatch(inputs: DecoderInputs, { inputs: chosen }: Batch): BatchTensors {
    const { arena } = this.manager;
    const pick = (rows: readonly Embedding[] | undefined) => rows && chosen.map((index) => rows[index]!);
    const stack = (rows: readonly Embedding[] | undefined) => rows && stackRows(arena, rows, "f32");
    const planes = (rows: readonly Embedding[] | undefined) => rows && stackPlanes(arena, rows);
    return new BatchTensors(
      stack(pick(inputs.imageEmbed)),
      stack(pick(inputs.textEncodings)),
      planes(pick(inputs.image)),
      planes(pick(inputs.inpaintImage)),
      planes(pick(inputs.inpaintMask)),
    );
  }
}

/** Rows on the host, one for each input; pictures and masks as planes `[C, H, W]`. */
interface DecoderInputs {
  readonly imageEmbed: readonly Embedding[] | undefined;
  readonly textEncodings: readonly Embedding[] | undefined;
  readonly image: readonly Embedding[] | undefined;
  readonly inpaintImage: readonly Embedding[] | undefined;
  readonly inpaintMask: readonly Embedding[] | undefined;
}

/** The inputs of one batch on the GPU. */
class BatchTensors {
  constructor(
    readonly imageEmbed: Tensor | undefined,
    readonly textEncodings: Tensor | undefined,
    readonly image: Tensor | undefined,
    readonly inpaintImage: Tensor | undefined,
    readonly inpaintMask: Tensor | undefined,
  ) {}

  [Symbol.dispose](): void {
    for (const tensor of [this.imageEmbed, this.textEncodings, this.image, this.inpaintImage, this.inpaintMask]) {
      tensor?.dispose();
    }
  }
}

/** Number of inputs, the same for all that are given. */
function commonCount(inputs: DecoderInputs): number {
  const counts = Object.entries(inputs as unknown as Record<string, readonly Embedding[] | undefined>)
    .filter(([, rows]) => rows !== undefined)
    .map(([name, rows]) => [name, rows!.length] as const);
  const count = counts[0]?.[1] ?? 0;
  if (counts.some(([, other]) => other !== count)) {
    throw new SamplingError(`Inputs differ in number: ${counts.map(([name, n]) => `${n} of ${name}`).join(", ")}.`);
  }
  return count;
}

function planesOf(image: RgbImage): Embedding {
  return { shape: [3, image.height, image.width], data: toPlanes(image) };
}

function maskPlane(mask: Mask, image: RgbImage | undefined): Embedding {
  const [height, width] = [image?.height ?? 0, image?.width ?? 0];
  if (mask.length !== height * width) {
    throw new SamplingError(`A mask has ${mask.length} pixels; its picture has ${width} × ${height}.`);
  }
  return { shape: [1, height, width], data: Float32Array.from(mask, Number) };
}

/** Uploads planes `[C, H, W]` as an f32 batch `[B, H, W, C]`. */
function stackPlanes(arena: Arena, rows: readonly Embedding[]): Tensor {
  const [channels = 0, height = 0, width = 0] = rows[0]?.shape ?? [];
  const different = rows.find(({ shape }) => shape.join() !== rows[0]!.shape.join());
  if (different) {
    const [, otherHeight = 0, otherWidth = 0] = different.shape;
    throw new SamplingError(
      `Pictures of a batch must have one size; there are ${width} × ${height} and ${otherWidth} × ${otherHeight}.`,
    );
  }
  const size = channels * height * width;
  const data = new Float32Array(rows.length * size);
  for (const [i, row] of rows.entries()) data.set(row.data, i * size);
  return arena.fromNchw(data, [rows.length, channels, height, width], "f32");
}

/** Reads and frees images `[B, H, W, 3]` in [0, 1]. */
async function readPictures(images: Tensor): Promise<RgbImage[]> {
  using tensor = images;
  const [batch = 0, height = 0, width = 0, channels = 0] = tensor.shape;
  const planes = await tensor.arena.readNchw(tensor);
  checkFinite("A picture from the decoder", planes);
  return fromPlanes(planes, [batch, channels, height, width]);
}

/** Adds the rows of a batch to what was made for their inputs. */
function collect<Row>(result: Map<number, Row[]>, { inputs }: Batch, rows: readonly Row[]): void {
  for (const [i, input] of inputs.entries()) {
    const made = result.get(input);
    if (made) made.push(rows[i]!);
    else result.set(input, [rows[i]!]);
  }
}
