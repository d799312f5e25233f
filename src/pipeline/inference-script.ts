import { list, text as textRule } from "../platform/arguments.js";
import { ModelLoadConfig } from "../config/load-config.js";
import type { Decoder } from "../models/dalle2-pytorch/decoder.js";
import type { DiffusionPrior } from "../models/dalle2-pytorch/diffusion-prior.js";
import { checkFinite, SamplingError } from "../diffusion/sampling-error.js";
import { toPlanes, type RgbImage } from "../image/image.js";
import { resizeLanczos } from "../image/pillow-resize.js";
import type { ClipModel } from "../models/clip/clip-model.js";
import { tokenizeBare, tokenizeOpenAi } from "../tokenizer/tokenize.js";
import type { Arena } from "../tensor/arena.js";
import { batchesOf, type Batch } from "./batches.js";
import { DataRequirements } from "./data-requirements.js";
import {
  BatchTensors,
  checkEmbeddings,
  commonCount,
  maskPlane,
  rowsOf,
  squares,
  stackPlanes,
  type DecoderInputs,
} from "./decoder-inputs.js";
import { joinedF32, splitRows, type Embedding } from "./embedding.js";
import type { Computed } from "./manager/computed-model.js";
import { IMAGE_ENCODER } from "./manager/component.js";
import { TextTensors } from "./manager/encoded-texts.js";
import { decoderPlan, Estimate, priorPlan, type ScriptWork } from "./estimate.js";
import { keepPixels } from "./kept-pixels.js";
import { DalleModelManager, type ManagerOptions } from "./manager/model-manager.js";
import { defined, readImages, type Picture, type PictureParameters } from "./picture.js";
import { BatchNoise, forkOf, randomnessOf, seedOf } from "./randomness.js";
import { Reporter } from "./reporter.js";
import {
  checkOptions,
  checkPriorOptions,
  eachOf,
  type PriorSettings,
  type SampleDecoderOptions,
  type SamplePriorOptions,
  type ScriptOptions,
} from "./script-options.js";
import { warnOnConsole } from "../platform/printable.js";

/** Base of scripts that run the models (dalle2-laion's `InferenceScript`). A script is a subclass with a `run` of its own. */
export abstract class InferenceScript {
  /** What pictures name as their script. */
  protected readonly scriptName: string = this.constructor.name;
  #ownsManager = false;

  constructor(
    protected readonly manager: DalleModelManager,
    private readonly options: ScriptOptions = {},
  ) {}

  /** Loads the models of a load config, or of the file with that path, for one script alone, which frees them when disposed. */
  static async create<Script extends InferenceScript>(
    this: new (manager: DalleModelManager, options?: ScriptOptions) => Script,
    config: string | ModelLoadConfig,
    options: ScriptOptions & ManagerOptions = {},
  ): Promise<Script> {
    const loaded = typeof config === "string" ? await ModelLoadConfig.fromJsonPath(config) : config;
    const script = new this(await DalleModelManager.create(loaded, options), options);
    script.#ownsManager = true;
    return script;
  }

  /** Frees the models of a script from `create`; those of a manager that was passed in stay. */
  dispose(): void {
    if (this.#ownsManager) this.manager.dispose();
  }

  /** The same as `dispose`, for `using`. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Image embeddings for texts, or for rows of tokens: by index of the text, `sampleCount` for each. */
  protected async samplePrior(
    textOrTokens: readonly string[] | readonly Int32Array[],
    options: SamplePriorOptions = {},
  ): Promise<Map<number, Embedding[]>> {
    checkPriorOptions(options);
    const { sampleCount = 1, batchSize = 100, signal } = options;
    const { condScale, timesteps, numSamplesPerBatch } = this.priorSettings(options);
    const tokens = textOrTokens.map((one) => (typeof one === "string" ? this.tokenizeText([one])[0]! : one));
    const batches = batchesOf(tokens.length, sampleCount, batchSize);
    const randomness = randomnessOf(options);
    const negative = eachOf("negativeText", options.negativeText, tokens.length) ?? [];
    // Together, so that they are of one length.
    const encoded = await this.manager.encodeTexts([...tokens, ...this.tokenizeText(negative)], signal);
    const estimate =
      options.estimate ?? this.estimate({ prior: { embeddings: tokens.length * sampleCount, timesteps } });
    const reporter = new Reporter(options, estimate, batches);
    const result = new Map<number, Embedding[]>();
    const sampleBatch = async (arena: Arena, batch: Batch): Promise<void> => {
      const noise = new BatchNoise(randomness, batch, tokens.length * sampleCount);
      const samplePart = async (prior: Computed<DiffusionPrior>, start: number, end: number): Promise<Embedding[]> => {
        const inputs = batch.inputs.slice(start, end);
        const upload = (first: number): TextTensors =>
          TextTensors.upload(
            arena.withType(prior.dtype),
            inputs.map((input) => encoded[first + input]!),
          );
        using condition = upload(0);
        using away = negative.length > 0 ? upload(tokens.length) : undefined;
        const data = await prior.model.sample(arena, {
          negative: away,
          textEmbed: condition.textEmbed,
          textEncodings: condition.textEncodings,
          textMask: condition.textMask,
          condScale,
          numSamplesPerBatch,
          timesteps,
          signal,
          noise: noise.part(start, end),
          onStep: (step, steps) => {
            reporter.step({ phase: "prior", step, steps });
          },
        });
        return splitRows(data, condition.textEmbed.shape).map((row, i): Embedding => {
          const texts = [encoded[inputs[i]!], negative.length > 0 ? encoded[tokens.length + inputs[i]!] : undefined];
          return { ...row, inF32: joinedF32([...texts.map((text) => text?.textEmbed), prior]) };
        });
      };
      const rows = await this.manager.usePrior(
        (prior) =>
          this.manager.inParts(arena, "embeddings", batch.inputs.length, (start, end) =>
            reporter.batch(batch, start, end, () => samplePart(prior, start, end)),
          ),
        signal,
      );
      noise.finish();
      collect(result, batch, rows);
    };
    await this.manager.withArena(async (arena) => {
      for (const batch of batches) await sampleBatch(arena, batch);
    });
    return result;
  }

  /** The time that a script will take, for the `estimate` of each of its calls. Counts from now. */
  protected estimate({ prior, decoder }: ScriptWork): Estimate {
    return new Estimate(
      new Map([
        ...(prior ? priorPlan(this.#prior, prior) : []),
        ...(decoder ? decoderPlan(this.#decoder, decoder) : []),
      ]),
    );
  }

  /** How `samplePrior` samples with these options, defaults filled in. */
  protected priorSettings({ condScale, timesteps, numSamplesPerBatch = 2 }: SamplePriorOptions): PriorSettings {
    const { sampleTimesteps, timesteps: all } = this.#prior.options;
    return {
      condScale: condScale ?? this.manager.defaultPriorCondScale,
      timesteps: timesteps ?? sampleTimesteps ?? all,
      numSamplesPerBatch,
    };
  }

  /**
   * What a call of `sampleDecoder` takes for a negative text, for scripts that do not sample the prior otherwise; `inputs`
   * inputs with `sampleCount` pictures each. Throws `SamplingError` where it would change nothing.
   */
  protected async negativeInputs(
    negativeText: string | readonly string[] | undefined,
    inputs: number,
    options: SampleDecoderOptions,
  ): Promise<SampleDecoderOptions> {
    checkOptions(options);
    if (negativeText === undefined) return options;
    this.checkNegative(options);
    const { generator, seed, seeds, sampleCount = 1, signal, onProgress, ...rest } = options;
    const randomness = randomnessOf({ generator, seed, seeds });
    const texts = eachOf("negativeText", negativeText, inputs);
    const hasPrior = this.manager.prior !== undefined;
    const estimate = this.estimate({
      prior: hasPrior ? { embeddings: inputs } : undefined,
      decoder: { ...rest, pictures: inputs * sampleCount },
    });
    const call = { generator: forkOf(randomness, sampleCount), condScale: 1, signal, onProgress, estimate };
    const embeddings = hasPrior ? await this.samplePrior(texts, call) : undefined;
    return {
      ...rest,
      sampleCount,
      signal,
      onProgress,
      estimate,
      generator: randomness,
      negativeText: texts,
      negativeImageEmbed: embeddings && [...embeddings.values()].flat(),
    };
  }

  /** Throws `SamplingError` where a negative text would change nothing, with the prior guided by `priorCondScale`. */
  protected checkNegative(
    { condScale, startAtUnetNumber: start = 1, stopAtUnetNumber: stop }: SampleDecoderOptions,
    priorCondScale = 1,
  ): void {
    const decoder = this.#decoder;
    const scales = decoder.perUnet("condScale", condScale ?? this.manager.defaultDecoderCondScale);
    const hears = decoder.stages.slice(start - 1, stop).some(({ stage: { unet }, index }) => {
      const isTold = unet.condOnTextEncodings || (unet.condOnImageEmbeds && this.manager.prior !== undefined);
      return isTold && scales[index] !== 1;
    });
    if (hears || priorCondScale !== 1) return;
    throw new SamplingError(
      "negativeText would change nothing: it takes guidance, a condScale other than 1, of the prior or of a U-Net that is told of texts or image embeddings.",
    );
  }

  /** Pictures: by index of the input, `sampleCount` for each. Throws `SamplingError` where the decoder needs other inputs. */
  protected async sampleDecoder(options: SampleDecoderOptions): Promise<Map<number, Picture[]>> {
    checkOptions(options);
    const decoder = this.#decoder;
    const { sampleCount = 1, batchSize = 10, signal } = options;
    const inputs = await this.#decoderInputs(decoder, options);
    const count = commonCount(inputs);
    const batches = batchesOf(count, sampleCount, batchSize);
    const randomness = randomnessOf(options);
    const condScale = decoder.perUnet("condScale", options.condScale ?? this.manager.defaultDecoderCondScale);
    const timesteps = decoder.stepCounts(options.timesteps);
    const describe = options.describe ?? ((_input, own) => own);
    const drawnFrom = (input: number, computedInF32: readonly string[] | undefined): PictureParameters => {
      const [text, negativeText] = [options.text?.[input], options.negativeText?.[input]];
      const own = defined({ text, negativeText, condScale, timesteps });
      return { script: this.scriptName, ...defined({ ...describe(input, own), computedInF32 }) };
    };
    const resampleTimes = options.inpaintImages && (options.inpaintResampleTimes ?? 5);
    const work = { ...options, pictures: count * sampleCount, resampleTimes };
    const reporter = new Reporter(options, options.estimate ?? this.estimate({ decoder: work }), batches);
    const result = new Map<number, Picture[]>();
    const sampleBatch = async (arena: Arena, batch: Batch): Promise<void> => {
      const noise = new BatchNoise(randomness, batch, count * sampleCount);
      const samplePart = async (start: number, end: number): Promise<DrawnImage[]> => {
        const unets: Pick<Embedding, "inF32">[] = [];
        using tensors = BatchTensors.upload(arena, inputs, { inputs: batch.inputs.slice(start, end) });
        using part = await decoder.sample(arena, {
          imageEmbed: tensors.imageEmbed,
          textEncodings: tensors.textEncodings,
          negative: tensors.negative,
          image: tensors.image,
          inpaintImage: tensors.inpaintImage,
          inpaintMask: tensors.inpaintMask,
          inpaintResampleTimes: options.inpaintResampleTimes,
          condScale,
          timesteps,
          startAtUnetNumber: options.startAtUnetNumber,
          stopAtUnetNumber: options.stopAtUnetNumber,
          signal,
          noise: noise.part(start, end),
          useUnet: async (unetNumber, body) => {
            const [images, inF32] = await this.manager.useUnet(
              unetNumber,
              async (unet) => [await body(unet.model), unet.inF32] as const,
              signal,
            );
            unets.push({ inF32 });
            return images;
          },
          onProgress: (progress) => {
            reporter.step({ phase: "decoder", ...progress });
          },
          preview: reporter.preview,
        });
        return (await readImages(part)).map((image) => ({ image, inF32: joinedF32(unets) }));
      };
      const drawPart = (start: number, end: number) => reporter.batch(batch, start, end, () => samplePart(start, end));
      // An image must not depend on the others of its batch.
      const most = decoder.mixesBatch ? 1 : undefined;
      const images = await this.manager.inParts(arena, "pictures", batch.inputs.length, drawPart, most);
      noise.finish();
      const pictures = images.map(({ image, inF32 }, i): Picture => {
        const input = batch.inputs[i]!;
        const [known, mask] = [options.inpaintImages?.[input], options.inpaintImageMasks?.[input]];
        const whole = known && mask ? keepPixels(image, known, mask) : image;
        return {
          ...whole,
          seed: seedOf(randomness, batch.start + i),
          parameters: drawnFrom(input, joinedF32([...rowsOf(inputs, input), { inF32 }])),
        };
      });
      for (const [i, picture] of pictures.entries()) await options.onPicture?.(picture, batch.start + i);
      collect(result, batch, pictures);
    };
    await this.manager.withArena(async (arena) => {
      for (const batch of batches) await sampleBatch(arena, batch);
    });
    return result;
  }

  /** CLIP's embeddings of pictures, `[dimLatent]` each. Pictures are resized to CLIP's size as Pillow's LANCZOS does. */
  protected async embedImages(images: readonly RgbImage[], signal?: AbortSignal): Promise<Embedding[]> {
    const { imageSize: size } = this.clip;
    const planes = images.map((image) => toPlanes(resizeLanczos(image, size, size)));
    const rows = planes.map((data): Embedding => ({ shape: [3, size, size], data }));
    const embed = (call: Arena, { model: clip, dtype, inF32 }: Computed<ClipModel>): Promise<Embedding[]> =>
      this.manager.inParts(call, "images", rows.length, async (start, end) => {
        signal?.throwIfAborted();
        const arena = call.withType(dtype);
        using embedded = arena.scope(() => clip.embedImage(stackPlanes(arena, rows.slice(start, end))));
        const values = await embedded.read();
        checkFinite({ component: IMAGE_ENCODER, dtype, what: "an image's embedding" }, values);
        return splitRows(values, embedded.shape, inF32);
      });
    return this.manager.withArena((arena) => this.manager.useImageEncoder((clip) => embed(arena, clip), signal));
  }

  /** CLIP's text encodings, `[contextLength, width]` each. */
  protected async encodeText(text: readonly string[], signal?: AbortSignal): Promise<Embedding[]> {
    const distinct = [...new Set(text)];
    const encoded = await this.manager.encodeTexts(this.tokenizeText(distinct), signal);
    return text.map((one) => encoded[distinct.indexOf(one)]!.textEncodings);
  }

  /** CLIP's embeddings of texts, `[dimLatent]` each, in the space of its embeddings of pictures. */
  protected async embedText(text: readonly string[], signal?: AbortSignal): Promise<Embedding[]> {
    const encoded = await this.manager.encodeTexts(this.tokenizeText(text), signal);
    return encoded.map(({ textEmbed }) => textEmbed);
  }

  /** A row of tokens for each text. */
  protected tokenizeText(text: readonly string[]): Int32Array[] {
    list(textRule)("text", text);
    const { tokenization = "clip" } = this.options;
    const warn = (message: string): void => {
      this.warn(message);
    };
    if (tokenization === "dalle2-laion") return tokenizeBare(text, { warn });
    const { contextLength, tokenization: own } = this.clip;
    const tokenize = own === "openai" ? tokenizeOpenAi : tokenizeBare;
    return tokenize(text, { contextLength, warn });
  }

  /** Says what is done, though it may not be what was meant (`onWarning`). */
  protected warn(message: string): void {
    const { onWarning = warnOnConsole } = this.options;
    onWarning(message);
  }

  /** Throws `SamplingError` where the load config names no CLIP. */
  protected get clip(): ClipModel {
    const clip = this.manager.clip?.model;
    if (!clip) throw new SamplingError("There is no CLIP in the load config, and this needs one.");
    return clip;
  }

  get #prior(): DiffusionPrior {
    const prior = this.manager.prior?.model;
    if (!prior) throw new SamplingError("There is no prior in the load config, and this needs one.");
    return prior;
  }

  get #decoder(): Decoder {
    const decoder = this.manager.decoder?.model;
    if (!decoder) throw new SamplingError("There is no decoder in the load config, and this needs one.");
    return decoder;
  }

  /** What the decoder takes, embedded where it was not given so. */
  async #decoderInputs(decoder: Decoder, options: SampleDecoderOptions): Promise<DecoderInputs> {
    const { images, imageEmbed, text, textEncoding, negativeImageEmbed, startAtUnetNumber = 1, signal } = options;
    checkEmbeddings({ imageEmbed, textEncoding, negativeImageEmbed });
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
      imageEmbed: imageEmbedding ? (imageEmbed ?? (await this.embedImages(images!, signal))) : undefined,
      ...(needsText ? await this.#textInputs(options) : { textEncodings: undefined, negativeTextEncodings: undefined }),
      negativeImageEmbed: imageEmbedding ? negativeImageEmbed : undefined,
      image: image ? squares(images!) : undefined,
      inpaintImage: options.inpaintImages && squares(options.inpaintImages),
      inpaintMask: options.inpaintImageMasks?.map((mask, i) => maskPlane(mask, options.inpaintImages?.[i])),
    };
  }

  /** Text encodings of texts and negative texts; encoded together, so that they are of one length. */
  async #textInputs({ text = [], textEncoding, negativeText, signal }: SampleDecoderOptions) {
    const known = textEncoding ? [] : text;
    const encoded = await this.encodeText([...known, ...(negativeText ?? [])], signal);
    return {
      textEncodings: textEncoding ?? encoded.slice(0, known.length),
      negativeTextEncodings: negativeText && encoded.slice(known.length),
    };
  }
}

/** An image with the components that computed it in f32 for want of range. */
interface DrawnImage extends Pick<Embedding, "inF32"> {
  readonly image: RgbImage;
}

/** Adds the rows of a batch to what was made for their inputs. */
function collect<Row>(result: Map<number, Row[]>, { inputs }: Batch, rows: readonly Row[]): void {
  for (const [i, input] of inputs.entries()) {
    const made = result.get(input);
    if (made) made.push(rows[i]!);
    else result.set(input, [rows[i]!]);
  }
}
