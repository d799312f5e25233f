import type { GeneratedImage, RemoteManager } from "dalle2-webgpu";
import type { Parameters, Request, Sampling, Task } from "../jobs/request.js";
import type { JobEvents } from "./engine.js";

/** How many steps lie between two previews. */
const PREVIEW_EVERY = 2;

type Images = Promise<readonly GeneratedImage[]>;
type Run = (manager: RemoteManager, request: Request, events: JobEvents) => Images;

/** How each task runs. */
const RUNS: Readonly<Record<Task, Run>> = {
  create: async (manager, { parameters }, events) => {
    const { prompts, count } = parameters;
    const options = {
      ...calls(parameters, events),
      ...negative(parameters),
      ...twoStages(parameters),
      decoderSampleCount: count,
    };
    const images = await script(manager, "BasicInference", events).run(prompts, options);
    return [...images.values()].flatMap(inOrder);
  },
  variations: async (manager, { parameters, images }, events) => {
    const options = {
      ...calls(parameters, events),
      ...negative(parameters),
      ...decoder(parameters),
      text: parameters.prompts[0],
    };
    return inOrder(
      await script(manager, "ImageVariation", events).run(images, { ...options, sampleCount: parameters.count }),
    );
  },
  inpaint: async (manager, { parameters, images, mask }, events) => {
    const { prompts, count, resampleTimes } = parameters;
    const options = {
      ...calls(parameters, events),
      ...negative(parameters),
      ...twoStages(parameters),
      sampleCount: count,
      resampleTimes,
    };
    return inOrder(
      await script(manager, "BasicInpainting", events).run(images, mask ? [mask] : [], prompts[0] ?? "", options),
    );
  },
  upscale: async (manager, { parameters, images }, events) => {
    const { prompts, count, startAtUnetNumber } = parameters;
    const options = {
      ...calls(parameters, events),
      ...negative(parameters),
      ...decoder(parameters),
      text: prompts[0],
      startAtUnetNumber,
    };
    return inOrder(await script(manager, "Upscale", events).run(images, { ...options, sampleCount: count }));
  },
  interpolate: async (manager, { parameters, images }, events) => {
    const [start = "", end = ""] = images.length === 2 ? images : parameters.prompts;
    const options = { ...calls(parameters, events), ...twoStages(parameters), frames: parameters.frames };
    return script(manager, "Interpolate", events).run(start, end, options);
  },
  edit: async (manager, { parameters, images }, events) => {
    const { prompts, strength, frames } = parameters;
    const [from = "", to = ""] = prompts;
    const options = { ...calls(parameters, events), ...decoder(parameters), from, to, strength, frames };
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

function calls({ seed }: Parameters, { signal, onProgress, onImage }: JobEvents) {
  return { seed, signal, onProgress, onImage, previewEvery: PREVIEW_EVERY };
}

/** Interpolation and edits have none. */
function negative({ negative }: Parameters) {
  return { negativeText: negative === "" ? undefined : negative };
}

function twoStages({ prior, unets, sampler }: Parameters) {
  return {
    priorSteps: prior.steps,
    priorCondScale: prior.condScale,
    priorSampler: prior.sampler,
    decoderSteps: each(unets, "steps"),
    decoderCondScale: each(unets, "condScale"),
    decoderSampler: sampler,
  };
}

function decoder({ unets, sampler }: Parameters) {
  return { steps: each(unets, "steps"), condScale: each(unets, "condScale"), sampler };
}

/** A value for each U-Net, null where the model's default counts; undefined for the defaults of all. */
function each(unets: readonly Sampling[], name: keyof Sampling): (number | null)[] | undefined {
  return unets.length === 0 ? undefined : unets.map((unet) => unet[name] ?? null);
}

function inOrder(images: ReadonlyMap<number, readonly GeneratedImage[]>): GeneratedImage[] {
  return [...images.values()].flat();
}
