import { SamplingError } from "../diffusion/sampling-error.js";
import {
  joinSettings,
  type CascadeSettings,
  type ListedSettings,
  type NetworkSettings,
} from "../diffusion/settings.js";
import type { RgbImage } from "../image/image.js";
import type { Cascade, UseComponent } from "../models/interfaces.js";
import { planStages, stageSettings } from "../models/per-stage.js";
import { checkDecoderCall, type CheckedCall } from "./check-call.js";
import { BatchTensors, rowsOf, strengthOf, type DecoderInputs } from "./decoder-inputs.js";
import { joinedF32, type Embedding } from "./embedding.js";
import { decoderPlan, TimeEstimate } from "./time-estimate.js";
import { gatherInputs, needsOf, type Encoding } from "./gather-inputs.js";
import { keepPixels } from "./kept-pixels.js";
import type { DalleModelManager } from "./manager/model-manager.js";
import { defined, readImages, type GeneratedImage, type ImageParameters } from "./generated-image.js";
import { originOf, type Randomness } from "./randomness.js";
import { sampleInBatches, type Part, type SamplingCall } from "./sample-in-batches.js";
import type { DecoderData, SampleDecoderOptions, Tokenization } from "./script-options.js";
import { checkOptions } from "./settings.js";

/** The script that a call of the decoder belongs to. */
export interface CallingScript {
  /** What images name as their script. */
  readonly scriptName: string;
  /** How its texts became tokens. */
  readonly tokenization: Tokenization;
  readonly encoding: Encoding;
}

/** An image with the components that computed it in f32 for want of range. */
interface DecodedImage extends Pick<Embedding, "inF32"> {
  readonly image: RgbImage;
}

/** The decoder of a load config. Throws `SamplingError` where it names none. */
export function decoderOf({ models: { decoder } }: DalleModelManager): Cascade {
  if (!decoder) {
    const code = "sampling/no-model";
    throw new SamplingError("There is no decoder in the load config, and this needs one.", { code });
  }
  return decoder.model;
}

/** For each U-Net what is asked for, and of what is not, what the load config says, else its own training. */
export function fillDecoderSettings(manager: DalleModelManager, asked: CascadeSettings): readonly NetworkSettings[] {
  return stageSettings(decoderOf(manager).stages, asked, manager.defaults.decoder);
}

/**
 * Throws before anything is loaded or encoded where a call of `sampleDecoder` cannot be meant (`ArgumentError`), or where the
 * decoder cannot do it (`SamplingError`).
 */
export function checkDecoder(manager: DalleModelManager, options: SampleDecoderOptions): CheckedCall {
  checkOptions(options);
  const call = checkDecoderCall(decoderOf(manager), options, joinSettings(fillDecoderSettings(manager, options)));
  needsOf(decoderOf(manager), options, manager.clip !== undefined);
  return call;
}

/** The same where the inputs of the call are yet to be made: checks how it samples. */
export function checkDecoderSettings(
  manager: DalleModelManager,
  options: Omit<SampleDecoderOptions, keyof DecoderData>,
  inpaints: boolean,
): void {
  checkOptions(options);
  const settings = joinSettings(fillDecoderSettings(manager, options));
  planStages(decoderOf(manager).stages, { ...options, ...settings }, { inpaints });
}

/** A call of the decoder, prepared. */
interface DecoderCall extends CallingScript {
  readonly manager: DalleModelManager;
  readonly decoder: Cascade;
  readonly options: SampleDecoderOptions;
  readonly inputs: DecoderInputs;
  readonly inputCount: number;
  /** For each U-Net, with nothing left open. */
  readonly settings: ListedSettings;
}

/**
 * Images: by index of the input, `sampleCount` for each. Throws `ArgumentError` where the decoder needs other inputs.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/scripts/InferenceScript.py#L158-L232
 */
export async function sampleDecoder(
  manager: DalleModelManager,
  options: SampleDecoderOptions,
  script: CallingScript,
): Promise<Map<number, GeneratedImage[]>> {
  const decoder = decoderOf(manager);
  const { inputs: inputCount, randomness } = checkDecoder(manager, options);
  const inputs = await gatherInputs(decoder, options, script.encoding);
  const settings = joinSettings(fillDecoderSettings(manager, options));
  const call = { ...script, manager, decoder, options, inputs, inputCount, settings };
  // An image must not depend on the others of its batch.
  const how = { dtype: manager.dtype, most: decoder.mixesBatch ? 1 : undefined };
  return sampleInBatches<DecodedImage, GeneratedImage>(manager, samplingOf(call, randomness), {
    sampleBatch: (inParts) => inParts(how, (part) => samplePart(call, part)),
    finish: ({ image, inF32 }, input, index) => ({
      ...withKeptPixels(image, input, options),
      ...originOf(randomness, index),
      parameters: parametersOf(call, input, joinedF32([...rowsOf(inputs, input), { inF32 }])),
    }),
    handOut: options.onImage,
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
  return { name: "images", inputCount, sampleCount, batchSize, randomness, timeEstimate, onProgress, previewEvery };
}

async function samplePart(
  { manager, decoder, options, inputs, settings }: DecoderCall,
  { arena, inputs: chosen, noise, reporter }: Part,
): Promise<DecodedImage[]> {
  const { signal, startAtUnetNumber, stopAtUnetNumber, inpaintResampleTimes } = options;
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
  using tensors = BatchTensors.upload(arena, inputs, chosen);
  using images = await decoder.sample(arena, {
    ...settings,
    ...tensors.named,
    startAtUnetNumber,
    stopAtUnetNumber,
    inpaintResampleTimes,
    strength: strengthOf(options),
    signal,
    noise,
    use,
    onProgress: (progress) => {
      reporter.step({ phase: "decoder", ...progress });
    },
    preview: reporter.preview,
  });
  return (await readImages(images)).map((image) => ({ image, inF32: joinedF32(used) }));
}

function withKeptPixels(
  image: RgbImage,
  input: number,
  { inpaintImages, inpaintImageMasks }: SampleDecoderOptions,
): RgbImage {
  const [known, mask] = [inpaintImages?.[input], inpaintImageMasks?.[input]];
  return known && mask ? keepPixels(image, known, mask) : image;
}

/** What an image is to say that it was drawn with. */
function parametersOf(
  { scriptName, tokenization, options, settings }: DecoderCall,
  input: number,
  computedInF32: readonly string[] | undefined,
): ImageParameters {
  const { text, negativeText, describe } = options;
  const texts = { text: text?.[input], negativeText: negativeText?.[input] };
  const own = defined({ ...texts, ...settings, strength: strengthOf(options) });
  const other = tokenization === "clip" ? undefined : tokenization;
  return {
    script: scriptName,
    ...defined({ ...(describe?.(input, own) ?? own), tokenization: other, computedInF32 }),
  };
}
