import type { GeneratedImage, RemoteManager } from "dalle2-webgpu";
import type { Parameters, Request, Sampling, Task } from "../jobs/request.js";
import { seedsOf } from "../jobs/image-parameters.js";
import type { JobEvents } from "./engine.js";

/** How many steps lie between two previews. */
const PREVIEW_EVERY = 2;

type Images = Promise<readonly GeneratedImage[]>;
type Run = (manager: RemoteManager, request: Request, events: JobEvents) => Images;

/** How each task runs. */
const RUNS: Readonly<Record<Task, Run>> = {
  create: async (manager, request, events) => {
    const { parameters } = request;
    const { prompts, count } = parameters;
    const options = {
      ...calls(events),
      seeds: seedsOf(request),
      ...negative(parameters),
      ...twoStages(request),
      // An embedding for each image, so that each has all its noise from its own seed.
      priorSampleCount: count,
    };
    const images = await script(manager, "BasicInference", events).run(prompts, options);
    return [...images.values()].flatMap(inOrder);
  },
  variations: async (manager, request, events) => {
    const { parameters, images } = request;
    const options = {
      ...calls(events),
      seeds: seedsOf(request),
      ...negative(parameters),
      ...decoder(request),
      text: parameters.prompts[0],
      sampleCount: parameters.count,
    };
    return inOrder(await script(manager, "ImageVariation", events).run(images, options));
  },
  inpaint: async (manager, request, events) => {
    const { parameters, images, mask } = request;
    const { prompts, count, resampleTimes } = parameters;
    const options = {
      ...calls(events),
      seeds: seedsOf(request),
      ...negative(parameters),
      ...twoStages(request),
      sampleCount: count,
      resampleTimes,
    };
    // The script takes an image and a mask for each prompt.
    const texts = prompts.length === 0 ? [""] : prompts;
    const [inputs, masks] = [texts.flatMap(() => images.slice(0, 1)), texts.flatMap(() => mask ?? [])];
    return inOrder(await script(manager, "BasicInpainting", events).run(inputs, masks, texts, options));
  },
  upscale: async (manager, request, events) => {
    const { parameters, images } = request;
    const { prompts, count, startAtUnetNumber } = parameters;
    const options = {
      ...calls(events),
      seeds: seedsOf(request),
      ...negative(parameters),
      ...decoder(request),
      text: prompts[0],
      startAtUnetNumber,
      sampleCount: count,
    };
    return inOrder(await script(manager, "Upscale", events).run(images, options));
  },
  interpolate: async (manager, request, events) => {
    const { parameters, images } = request;
    const { prompts, seed, frames } = parameters;
    const isOfImages = images.length === 2;
    const [start = "", end = ""] = isOfImages ? images : prompts;
    // What images show, for decoders that take text.
    const [before, after = before] = prompts;
    const text = isOfImages && before !== undefined && after !== undefined ? ([before, after] as const) : undefined;
    const options = { ...calls(events), seed, ...twoStages(request), frames, text };
    return script(manager, "Interpolate", events).run(start, end, options);
  },
  edit: async (manager, request, events) => {
    const { parameters, images } = request;
    const { prompts, seed, strength, frames } = parameters;
    const [from = "", to = ""] = prompts;
    const options = { ...calls(events), seed, ...decoder(request), from, to, strength, frames };
    return inOrder(await script(manager, "TextGuidedEdit", events).run(images, options));
  },
};

/** Generates the images of a request. */
export function runRequest(manager: RemoteManager, request: Request, events: JobEvents): Images {
  return RUNS[request.parameters.task](manager, request, events);
}

function script<Name extends ScriptName>(manager: RemoteManager, name: Name, { onWarning }: JobEvents) {
  return manager.script(name, { onWarning });
}

type ScriptName =
  "BasicInference" | "ImageVariation" | "BasicInpainting" | "Upscale" | "Interpolate" | "TextGuidedEdit";

function calls({ signal, onProgress, onImage }: JobEvents) {
  return { signal, onProgress, onImage, previewEvery: PREVIEW_EVERY };
}

/** Interpolation and edits have none. */
function negative({ negative }: Parameters) {
  return { negativeText: negative === "" ? undefined : negative };
}

function twoStages({ parameters: { prior, unets, sampler } }: Request) {
  return {
    priorSteps: prior.steps,
    priorCondScale: prior.condScale,
    priorSampler: prior.sampler,
    priorNumSamplesPerBatch: prior.candidates,
    decoderSteps: each(unets, "steps"),
    decoderCondScale: each(unets, "condScale"),
    decoderSampler: sampler,
  };
}

function decoder({ parameters: { unets, sampler } }: Request) {
  return { steps: each(unets, "steps"), condScale: each(unets, "condScale"), sampler };
}

/** A value for each U-Net, null where the model's default counts; undefined for the defaults of all. */
function each(unets: readonly Sampling[], name: keyof Sampling): (number | null)[] | undefined {
  return unets.length === 0 ? undefined : unets.map((unet) => unet[name] ?? null);
}

function inOrder(images: ReadonlyMap<number, readonly GeneratedImage[]>): GeneratedImage[] {
  return [...images.values()].flat();
}
