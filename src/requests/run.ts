// How requests run on the scripts of the library, in this thread or in a worker.
import type { RgbImage } from "../image/image.js";
import type { GeneratedImage } from "../pipeline/generated-image.js";
import type { CallOptions, ScriptOptions } from "../pipeline/script-options.js";
import type { LibraryScripts, RemoteScript } from "../worker/scripts.js";
import { isSeries, requestSize, seedOfImage } from "./images.js";
import type { ImageRequest, RequestSettings, Sampling, Task } from "./request.js";

/** Where the scripts come from: a `RemoteManager`, or `localScripts` of a model manager. */
export interface ScriptSource {
  /** Returns a script by its name. */
  script<Name extends keyof LibraryScripts>(name: Name, options?: ScriptOptions): RemoteScript<LibraryScripts[Name]>;
}

/** What happens while a request runs. */
export interface RequestEvents
  extends Pick<CallOptions, "signal" | "onProgress" | "onImage" | "previewEvery">, Pick<ScriptOptions, "onWarning"> {}

/** What one image is generated from. Absent is what its task does not have. */
export interface ImageInput {
  /** The prompt; of images, what they show. */
  readonly prompt?: string | undefined;
  /** Negative prompt. */
  readonly negative?: string | undefined;
  /** Seed of its noise. */
  readonly seed: number;
  /** The image that it is generated from. */
  readonly image?: RgbImage | undefined;
  /** As `ImageRequest.mask`. */
  readonly mask?: Uint8Array | undefined;
  /** What the image follows. */
  readonly hint?: RgbImage | undefined;
}

type Images = Promise<readonly GeneratedImage[]>;

/** How a batch is computed: settings that all images share, and the largest number of images at once. */
export type RequestBatch = RequestSettings & Pick<ImageRequest, "batchSize">;

/** Tasks whose images do not depend on each other. */
type SingleTask = Exclude<Task, "interpolate" | "edit">;

type RunSingle = (
  source: ScriptSource,
  batch: RequestBatch,
  inputs: readonly ImageInput[],
  events: RequestEvents,
) => Images;

const SINGLE: Readonly<Record<SingleTask, RunSingle>> = {
  create: async (source, batch, inputs, events) => {
    const script = source.script("BasicInference", events);
    const options = { ...ofEach(inputs, events), ...twoStages(batch), hint: hintsOf(inputs) };
    const images = await script.run(texts(inputs), options);
    return [...images.values()].flatMap(inOrder);
  },
  variations: async (source, batch, inputs, events) => {
    const script = source.script("ImageVariation", events);
    const options = { ...ofEach(inputs, events), ...decoder(batch), text: captions(inputs), hint: hintsOf(inputs) };
    return inOrder(await script.run(imagesOf(inputs), options));
  },
  inpaint: async (source, batch, inputs, events) => {
    const script = source.script("BasicInpainting", events);
    const { resampleTimes } = batch;
    const options = { ...ofEach(inputs, events), ...twoStages(batch), resampleTimes, hint: hintsOf(inputs) };
    const masks = inputs.flatMap(({ mask }) => mask ?? []);
    return inOrder(await script.run(imagesOf(inputs), masks, texts(inputs), options));
  },
  upscale: async (source, batch, inputs, events) => {
    const script = source.script("Upscale", events);
    const { startAtUnetNumber } = batch;
    const options = { ...ofEach(inputs, events), ...decoder(batch), text: captions(inputs), startAtUnetNumber };
    return inOrder(await script.run(imagesOf(inputs), options));
  },
};

/**
 * Generates images that share their settings, of one request or of several. An image is what it would be alone: it depends on its
 * own input only. Returns them in the order of `inputs`.
 */
export function runTogether(
  source: ScriptSource,
  batch: RequestBatch,
  inputs: readonly ImageInput[],
  events: RequestEvents,
): Promise<readonly GeneratedImage[]> {
  return SINGLE[batch.task as SingleTask](source, batch, inputs, events);
}

/** Generates the images of a request. Rejects with `Dalle2Error`, or with the reason of the signal. */
export function runRequest(
  source: ScriptSource,
  request: ImageRequest,
  events: RequestEvents,
): Promise<readonly GeneratedImage[]> {
  const { parameters, batchSize } = request;
  if (!isSeries(parameters.task)) {
    return runTogether(source, { ...parameters, batchSize }, inputsOf(request), events);
  }
  return parameters.task === "edit" ? edit(source, request, events) : interpolate(source, request, events);
}

/**
 * What images of several requests must have in common to be computed together, as a text. Undefined: the request runs alone.
 * Equal for two requests of one model: `runTogether` takes the inputs of both.
 */
export function batchKey({ parameters, mask, images, hint }: ImageRequest): string | undefined {
  const { task, prior, unets, decoder, sampler, noiseLevel, resampleTimes, startAtUnetNumber } = parameters;
  const { prompts, negative, size } = parameters;
  if (isSeries(task)) return undefined;
  const { steps, condScale, sampler: priorSampler, candidates } = prior;
  const [first] = images;
  return JSON.stringify([
    task,
    [steps, condScale, priorSampler, candidates],
    unets.length === 0 ? [decoder?.steps, decoder?.condScale] : unets.map((unet) => [unet.steps, unet.condScale]),
    [sampler, noiseLevel, resampleTimes, startAtUnetNumber],
    typeof size === "object" ? [size.width, size.height] : [size, size],
    // A list has a text for each input or for none.
    [prompts.length > 0, (negative ?? "") !== ""],
    // Images and masks of one call have one size.
    task === "inpaint" || task === "upscale" ? [first?.width, first?.height, mask?.length] : [],
    // The size of the images may follow that of the hint.
    [hint?.width, hint?.height],
  ]);
}

/** The images of a request that is no series, each with what it is generated from. */
export function inputsOf(request: ImageRequest): readonly ImageInput[] {
  const { parameters, images, mask, hint } = request;
  const { task, prompts, count, seed } = parameters;
  const negative = parameters.negative === "" ? undefined : parameters.negative;
  const hasPrompts = task === "create" || task === "inpaint";
  // A script takes an image and a mask for each prompt.
  const each = hasPrompts ? (prompts.length === 0 ? [""] : prompts) : images;
  const subjects: readonly Omit<ImageInput, "seed">[] = each.map((one) =>
    typeof one === "string"
      ? { prompt: one, image: task === "inpaint" ? images[0] : undefined, mask }
      : { prompt: prompts[0], image: one },
  );
  return Array.from({ length: requestSize(request) }, (_, i) => ({
    ...subjects[Math.floor(i / count)],
    negative,
    seed: seedOfImage(seed, i),
    hint,
  }));
}

async function interpolate(source: ScriptSource, request: ImageRequest, events: RequestEvents): Images {
  const { parameters, images, hint, batchSize } = request;
  const { prompts, seed, frames } = parameters;
  const isOfImages = images.length === 2;
  const [start = "", end = ""] = isOfImages ? images : prompts;
  // What images show, for decoders that take text.
  const [before, after = before] = prompts;
  const text = isOfImages && before !== undefined && after !== undefined ? ([before, after] as const) : undefined;
  const options = { ...calls(events), seed, ...twoStages({ ...parameters, batchSize }), frames, text, hint };
  return source.script("Interpolate", events).run(start, end, options);
}

async function edit(source: ScriptSource, request: ImageRequest, events: RequestEvents): Images {
  const { parameters, images, hint, batchSize } = request;
  const { prompts, seed, strength, frames } = parameters;
  const [from = "", to = ""] = prompts;
  const options = {
    ...calls(events),
    seed,
    ...decoder({ ...parameters, batchSize }),
    from,
    to,
    strength,
    frames,
    hint,
  };
  return inOrder(await source.script("TextGuidedEdit", events).run(images, options));
}

function calls({ signal, onProgress, onImage, previewEvery }: RequestEvents) {
  return { signal, onProgress, onImage, previewEvery };
}

/** Options that have a value for each image. */
function ofEach(inputs: readonly ImageInput[], events: RequestEvents) {
  const negatives = inputs.flatMap(({ negative }) => negative ?? []);
  return {
    ...calls(events),
    seeds: inputs.map(({ seed }) => seed),
    negativeText: negatives.length === 0 ? undefined : negatives,
  };
}

function texts(inputs: readonly ImageInput[]): readonly string[] {
  return inputs.map(({ prompt = "" }) => prompt);
}

/** Texts for decoders that take them; undefined for those that do not. */
function captions(inputs: readonly ImageInput[]): readonly string[] | undefined {
  const given = inputs.flatMap(({ prompt }) => prompt ?? []);
  return given.length === 0 ? undefined : given;
}

/** A hint for each input, or none for all: those of a batch have one `batchKey`. */
function hintsOf(inputs: readonly ImageInput[]): readonly RgbImage[] | undefined {
  const given = inputs.flatMap(({ hint }) => hint ?? []);
  return given.length === 0 ? undefined : given;
}

function imagesOf(inputs: readonly ImageInput[]): readonly RgbImage[] {
  return inputs.flatMap(({ image }) => image ?? []);
}

function twoStages({ prior, sampler, noiseLevel, size, batchSize, ...settings }: RequestBatch) {
  return {
    size,
    priorSteps: prior.steps,
    priorCondScale: prior.condScale,
    priorSampler: prior.sampler,
    priorNumSamplesPerBatch: prior.candidates,
    decoderSteps: each(settings, "steps"),
    decoderCondScale: each(settings, "condScale"),
    decoderSampler: sampler,
    decoderNoiseLevel: noiseLevel,
    decoderBatchSize: batchSize,
  };
}

function decoder({ sampler, noiseLevel, size, batchSize, ...settings }: RequestBatch) {
  const [steps, condScale] = [each(settings, "steps"), each(settings, "condScale")];
  return { size, batchSize, steps, condScale, sampler, noiseLevel };
}

/** A value for each U-Net, null where the model's default counts; or one for all; undefined for the defaults of all. */
function each(
  { unets, decoder: ofAll }: Pick<RequestBatch, "unets" | "decoder">,
  name: keyof Sampling,
): (number | null)[] | number | undefined {
  const values = unets.map((unet) => unet[name] ?? null);
  // A list without a value would only be checked for its length.
  if (unets.length > 0) return values.some((value) => value !== null) ? values : undefined;
  return ofAll?.[name];
}

function inOrder(images: ReadonlyMap<number, readonly GeneratedImage[]>): GeneratedImage[] {
  return [...images.values()].flat();
}
