import {
  joinSettings,
  type CascadeSettings,
  type ListedSettings,
  type NetworkSettings,
} from "../diffusion/settings.js";
import type { RgbImage } from "../image/image.js";
import type { Cascade, UseComponent } from "../models/interfaces.js";
import { planStages, stageSettings } from "../models/per-stage.js";
import { canvasSize, checkCanvas, hasSizes } from "./canvas.js";
import { checkDecoderCall, type CheckedCall } from "./check-call.js";
import { BatchTensors, embeddingsOf, strengthOf, type DecoderInputs } from "./decoder-inputs.js";
import { joinedF32, type Embedding } from "./embedding.js";
import { decoderPlan, TimeEstimate } from "./time-estimate.js";
import { gatherInputs, needsOf, type Encoding } from "./gather-inputs.js";
import { keepPixels } from "./kept-pixels.js";
import { missingModel } from "./manager/missing-model.js";
import type { DalleModelManager } from "./manager/model-manager.js";
import { defined, readImages, type GeneratedImage, type ImageParameters } from "./generated-image.js";
import { negativeImagesOf } from "./null-images.js";
import { originOf, type Randomness } from "./randomness.js";
import { sampleInBatches, type Part, type SamplingCall } from "./sample-in-batches.js";
import type { DecoderData, SampleDecoderOptions, Tokenization } from "./script-options.js";
import { checkOptions } from "./settings.js";

/** The script that calls the decoder. */
export interface CallingScript {
  /** `parameters.script` of its images. */
  readonly scriptName: string;
  /** How it tokenizes texts. */
  readonly tokenization: Tokenization;
  readonly encoding: Encoding;
}

/** An image, and the components that computed it in f32 because f16 overflowed. */
interface DecodedImage extends Pick<Embedding, "inF32"> {
  readonly image: RgbImage;
}

/** Returns the decoder of a load config. Throws `SamplingError` if there is none. */
export function decoderOf({ config, models: { decoder } }: DalleModelManager): Cascade {
  if (!decoder) throw missingModel(config, "decoder");
  return decoder.model;
}

/** Fills in the settings of each U-Net: those that a call gives, or else of the load config, or else of its training. */
export function fillDecoderSettings(manager: DalleModelManager, asked: CascadeSettings): readonly NetworkSettings[] {
  return stageSettings(decoderOf(manager).stages, asked, manager.defaults.decoder);
}

/**
 * Checks a call of `sampleDecoder` before anything is loaded or encoded. Throws `ArgumentError` for invalid options, and
 * `SamplingError` if the decoder cannot run them.
 */
export function checkDecoder(manager: DalleModelManager, options: SampleDecoderOptions): CheckedCall {
  checkOptions(options);
  const call = checkDecoderCall(decoderOf(manager), options, joinSettings(fillDecoderSettings(manager, options)));
  needsOf(decoderOf(manager), options, manager.clip !== undefined);
  return call;
}

/** The same without the inputs, for callers that compute these later. */
export function checkDecoderSettings(
  manager: DalleModelManager,
  options: Omit<SampleDecoderOptions, keyof DecoderData>,
  inpaints: boolean,
): void {
  checkOptions(options);
  const settings = joinSettings(fillDecoderSettings(manager, options));
  planStages(decoderOf(manager).stages, { ...options, ...settings }, { inpaints });
  checkCanvas(decoderOf(manager), options, inpaints);
}

/** A call of the decoder whose options are checked and whose inputs are computed. */
interface DecoderCall extends CallingScript {
  readonly manager: DalleModelManager;
  readonly decoder: Cascade;
  readonly options: SampleDecoderOptions;
  readonly inputs: DecoderInputs;
  readonly inputCount: number;
  /** Settings of each U-Net, with defaults filled in. */
  readonly settings: ListedSettings;
}

/**
 * Generates `sampleCount` images for each input. Returns them by index of the input. Rejects as `checkDecoder` throws.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/scripts/InferenceScript.py#L158-L232
 */
export async function sampleDecoder(
  manager: DalleModelManager,
  options: SampleDecoderOptions,
  script: CallingScript,
): Promise<Map<number, GeneratedImage[]>> {
  const decoder = decoderOf(manager);
  const { inputs: inputCount, randomness } = checkDecoder(manager, options);
  const each = fillDecoderSettings(manager, options);
  const { encoding } = script;
  const embedNull = () => encoding.embedNull(options.signal);
  const negativeImageEmbed = await negativeImagesOf(decoder, options, each, { inputs: inputCount, embedNull });
  const guided = { ...options, negativeImageEmbed };
  const inputs = await gatherInputs(decoder, guided, { encoding, inputs: inputCount, settings: each });
  const settings = joinSettings(each);
  const call = { ...script, manager, decoder, options, inputs, inputCount, settings };
  // An image must not depend on the other images of its batch.
  const partOptions = { dtype: manager.dtype, maxRows: decoder.mixesBatch ? 1 : undefined };
  return sampleInBatches<DecodedImage, GeneratedImage>(manager, samplingOf(call, randomness), {
    sampleBatch: (sampleParts) => sampleParts(partOptions, (part) => samplePart(call, part)),
    finish: ({ image, inF32 }, input, index) => ({
      ...withKeptPixels(decoder, image, input, options),
      ...originOf(randomness, index),
      parameters: parametersOf(call, input, joinedF32([...embeddingsOf(inputs, input), { inF32 }])),
    }),
    onRow: options.onImage,
  });
}

function samplingOf({ decoder, options, settings, inputCount }: DecoderCall, randomness: Randomness): SamplingCall {
  const {
    sampleCount = 1,
    batchSize = 10,
    onProgress,
    previewEvery,
    inpaintImages,
    inpaintResampleTimes = 5,
  } = options;
  const images = inputCount * sampleCount;
  const plan = () =>
    decoderPlan(decoder, {
      ...options,
      ...settings,
      images,
      resampleTimes: inpaintImages && inpaintResampleTimes,
      strength: strengthOf(options),
    });
  const timeEstimate = options.timeEstimate ?? new TimeEstimate(plan());
  const { byteRounding } = decoder;
  const shown = { onProgress, previewEvery, byteRounding };
  return { name: "images", inputCount, sampleCount, batchSize, randomness, timeEstimate, ...shown };
}

async function samplePart(
  { manager, decoder, options, inputs, settings }: DecoderCall,
  { arena, inputs: chosen, noise, reporter }: Part,
): Promise<DecodedImage[]> {
  const { signal, startAtUnetNumber, stopAtUnetNumber, inpaintResampleTimes, noiseLevel } = options;
  const used: Pick<Embedding, "inF32">[] = [];
  const use: UseComponent<Cascade> = async (component, body) => {
    const [result, inF32] = await manager.useCascade(
      component,
      async ({ model, dtype, inF32 }) => [await body(model, arena.withType(dtype)), inF32] as const,
      signal,
    );
    used.push({ inF32 });
    return result;
  };
  const { width, height } = canvasSize(decoder.stages[0]!.info, options);
  using tensors = BatchTensors.upload(arena, inputs, chosen);
  using images = await decoder.sample(arena, {
    ...settings,
    ...tensors.named,
    startAtUnetNumber,
    stopAtUnetNumber,
    inpaintResampleTimes,
    noiseLevel,
    size: hasSizes(decoder) ? [height, width] : undefined,
    strength: strengthOf(options),
    signal,
    noise,
    use,
    onProgress: (progress) => {
      reporter.step({ phase: "decoder", ...progress });
    },
    preview: reporter.preview,
  });
  return (await readImages(images, decoder.byteRounding)).map((image) => ({ image, inF32: joinedF32(used) }));
}

/** Puts kept pixels into an image: those of the image to inpaint as the decoder got it. */
function withKeptPixels(
  { preparation }: Cascade,
  image: RgbImage,
  input: number,
  { inpaintImages, inpaintImageMasks }: SampleDecoderOptions,
): RgbImage {
  const [known, mask] = [inpaintImages?.[input], inpaintImageMasks?.[input]];
  if (!known || !mask) return image;
  if (!preparation) return keepPixels(image, known, mask);
  const size = [image.height, image.width] as const;
  return keepPixels(image, preparation.image(known, size), preparation.mask(mask, known, size));
}

/** Returns the `parameters` of the images of an input. */
function parametersOf(
  { scriptName, manager, decoder, tokenization, options, settings }: DecoderCall,
  input: number,
  computedInF32: readonly string[] | undefined,
): ImageParameters {
  const { text, negativeText, describe } = options;
  const texts = { text: text?.[input], negativeText: negativeText?.[input] };
  const takesNoise = decoder.stages.some(({ info }) => info.noiseLevels !== undefined);
  const noiseLevel = options.noiseLevel ?? (takesNoise ? 0 : undefined);
  const size = hasSizes(decoder) ? { ...canvasSize(decoder.stages[0]!.info, options) } : undefined;
  const own = defined({ ...texts, ...settings, noiseLevel, size, strength: strengthOf(options) });
  const other = tokenization === "clip" ? undefined : tokenization;
  return {
    script: scriptName,
    tuning: manager.gpu.tuning.id,
    ...defined({ ...(describe?.(input, own) ?? own), tokenization: other, computedInF32 }),
  };
}
