import { adapterName, type GeneratedImage } from "dalle2-webgpu";
import type { OpenModel } from "../engine/engine.js";
import type { KeptImage } from "../gallery/kept-image.js";
import { inputsOfImage, parametersOfImage, promptOfImage } from "dalle2-webgpu/requests";
import type { Job } from "./job.svelte.js";

/** What the gallery keeps of an image of a job. `seconds` are counted from the start of the job. */
export async function keptImageOf(
  job: Job,
  index: number,
  image: GeneratedImage,
  { model, seconds }: { readonly model: OpenModel; readonly seconds: number },
): Promise<KeptImage> {
  const { request, choice } = job;
  const { parameters } = request;
  const { device } = model;
  return {
    id: crypto.randomUUID(),
    jobId: job.id,
    index,
    time: Date.now(),
    width: image.width,
    height: image.height,
    file: await model.encode(image, inputsOfImage(request, index)),
    parameters: parametersOfImage(parameters, index),
    prompt: promptOfImage(parameters, index),
    model: { id: choice.id, label: choice.label },
    adapter: adapterName(device.adapter),
    tuning: device.tuning,
    seconds,
  };
}
