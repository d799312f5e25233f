import type { KeptImage } from "../gallery/kept-image.js";
import type { PriorSampling } from "dalle2-webgpu/requests";
import { TASK_NAMES } from "../shell/task-names.js";

/** A fact of an image: what it is called, and its value. */
export interface Detail {
  readonly label: string;
  readonly value: string;
}

/** Everything that is known of an image. What is not there was the model's default. */
export function detailsOf(image: KeptImage): readonly Detail[] {
  const { parameters, model, width, height, seconds, adapter, tuning, time } = image;
  const { task, prompts, negative, seed, prior, unets, sampler, frames, strength, resampleTimes } = parameters;
  const rows: readonly (readonly [string, string | number | undefined])[] = [
    ["Task", TASK_NAMES[task]],
    [prompts.length > 1 ? "Prompts" : "Prompt", prompts.join("\n")],
    ["Negative prompt", negative],
    ["Model", model.label],
    ["Seed", seed],
    ["Prior", saySampling(prior)],
    ...unets.map((unet, i) => [`U-Net ${String(i + 1)}`, saySampling(unet)] as const),
    ["Sampler", sampler],
    ["Noise", parameters.noiseLevel],
    ["Images of the series", frames],
    ["Strength", strength],
    ["Repeats of each step", resampleTimes],
    ["First U-Net", parameters.startAtUnetNumber],
    ["Size", `${String(width)} × ${String(height)} pixels`],
    ["Time", `${seconds.toFixed(1)} s`],
    ["Generated", new Date(time).toLocaleString()],
    ["GPU", adapter],
    ["Tuning table", tuning],
  ];
  return rows.flatMap(([label, value]) =>
    value === undefined || value === "" ? [] : [{ label, value: String(value) }],
  );
}

function saySampling({ steps, condScale, sampler, candidates }: PriorSampling): string {
  const parts = [
    steps !== undefined && `${String(steps)} steps`,
    condScale !== undefined && `guidance ${String(condScale)}`,
    sampler,
    candidates !== undefined && `${String(candidates)} ${candidates === 1 ? "candidate" : "candidates"}`,
  ];
  return parts.filter((part) => typeof part === "string").join(", ");
}
