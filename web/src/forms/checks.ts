// What is missing before a job can be queued.
import type { Sampling, Task } from "../jobs/request.js";
import type { ModelFacts, NetworkDefaults } from "./facts.js";
import { LIMITS, numberWithin, sayLimits, type Limits } from "./limits.js";
import { TAKE_NEGATIVE, textsOf, usesPrior, DEFAULTS, type DraftValues } from "./parameters.js";

/** A field of the forms. */
export type FieldName =
  | "model"
  | "images"
  | "mask"
  | "prompts"
  | "inpaintPrompts"
  | "variationsCaption"
  | "upscaleCaption"
  | "start"
  | "end"
  | "before"
  | "after"
  | "negative"
  | "count"
  | "seed"
  | "interpolateFrames"
  | "editFrames"
  | "strength"
  | "resampleTimes"
  | "startAtUnetNumber"
  | "settings";

/** Why there is no request yet. */
export interface Problem {
  readonly field: FieldName;
  /** One sentence: what to do. */
  readonly message: string;
}

/** What there is beside the values. */
export interface Given {
  readonly facts: ModelFacts | undefined;
  /** Number of input images of the task. */
  readonly images: number;
  readonly hasMask: boolean;
}

/** Returns the first thing that is missing for a job; undefined if nothing is. */
export function findProblem(values: DraftValues, task: Task, given: Given): Problem | undefined {
  return (
    modelProblem(values, task, given.facts) ??
    imageProblem(values, task, given) ??
    textProblem(values, task, given.facts) ??
    numberProblem(values, task) ??
    negativeProblem(values, task, given.facts)
  );
}

/** Says why the model cannot do a task; undefined if it can, or if it is not known yet. */
export function reasonAgainst(
  task: Task,
  facts: ModelFacts | undefined,
  values: Pick<DraftValues, "ends">,
): string | undefined {
  if (!facts) return undefined;
  const { prior, unets, readsText, readsImages } = facts;
  if (unets.length === 0) return "This model has no decoder, so it cannot generate images.";
  if (task === "upscale") return unets.length > 1 ? undefined : "This model has one U-Net only: none that enlarges.";
  if (usesPrior(task, values)) {
    if (!prior) return "This model has no prior, so it cannot turn a prompt into an image: it starts from images.";
    if (!readsText) return "This model has no text encoder, so it cannot read prompts.";
    return undefined;
  }
  if (!readsImages) return "This model has no image encoder, so it cannot start from images.";
  return task === "edit" && !readsText ? "This model has no text encoder, so it cannot read prompts." : undefined;
}

function modelProblem(values: DraftValues, task: Task, facts: ModelFacts | undefined): Problem | undefined {
  const message = reasonAgainst(task, facts, values);
  return message === undefined ? undefined : { field: "model", message };
}

function imageProblem(values: DraftValues, task: Task, { images, hasMask }: Given): Problem | undefined {
  if (task === "create" || (task === "interpolate" && values.ends === "prompts")) return undefined;
  if (task === "interpolate" && images === 1) return { field: "images", message: "Add the second image." };
  if (images === 0) return { field: "images", message: task === "interpolate" ? "Add two images." : "Add an image." };
  return task === "inpaint" && !hasMask ? { field: "mask", message: "Paint what is to be generated." } : undefined;
}

const MISSING_PROMPT = "Write a prompt: what the image is to show.";

function textProblem(values: DraftValues, task: Task, facts: ModelFacts | undefined): Problem | undefined {
  const texts = textsOf(values, task);
  switch (task) {
    case "create":
      return texts.length > 0 ? undefined : { field: "prompts", message: MISSING_PROMPT };
    case "inpaint":
      return texts.length > 0 ? undefined : { field: "inpaintPrompts", message: MISSING_PROMPT };
    case "variations":
    case "upscale":
      if (texts.length > 0 || !takesTextFrom(task, values, facts)) return undefined;
      return { field: `${task}Caption`, message: "Say what the image shows: this model reads a text beside it." };
    case "interpolate":
      return endsProblem(values, facts);
    case "edit":
      if (texts[0] === "") return { field: "before", message: "Say what the image shows." };
      if (texts[1] === "") return { field: "after", message: "Say what it is to show instead." };
      return texts[0] === texts[1] ? { field: "after", message: "Both texts are the same: change one." } : undefined;
  }
}

function endsProblem(values: DraftValues, facts: ModelFacts | undefined): Problem | undefined {
  const isOfImages = values.ends === "images";
  if (isOfImages && !facts?.needsText) return undefined;
  for (const [field, which] of [
    ["start", "first"],
    ["end", "second"],
  ] as const) {
    if (values[field].trim() !== "") continue;
    const message = isOfImages
      ? `Say what the ${which} image shows: this model reads a text beside it.`
      : `Write the ${which} prompt.`;
    return { field, message };
  }
  return undefined;
}

/** Whether the U-Nets that a task runs cannot do without a text. */
export function takesTextFrom(task: Task, values: DraftValues, facts: ModelFacts | undefined): boolean {
  if (!facts?.needsText) return false;
  return runUnets(task, values, facts).some(({ takesText }) => takesText);
}

/** The U-Nets that a task runs, with their numbers. */
function runUnets(task: Task, { startAtUnetNumber }: DraftValues, facts: ModelFacts) {
  const first = task === "upscale" ? (startAtUnetNumber ?? DEFAULTS.startAtUnetNumber) : 1;
  return facts.unets.map((unet, i) => ({ ...unet, index: i })).slice(first - 1);
}

function numberProblem(values: DraftValues, task: Task): Problem | undefined {
  const fields: Readonly<Record<Task, readonly (keyof typeof LIMITS & keyof DraftValues)[]>> = {
    create: ["count"],
    variations: ["count"],
    inpaint: ["count", "resampleTimes"],
    upscale: ["count", "startAtUnetNumber"],
    interpolate: ["interpolateFrames"],
    edit: ["editFrames", "strength"],
  };
  for (const field of [...fields[task], "seed"] as const) {
    const problem = outside(LIMITS[field], values[field]);
    if (problem !== undefined) return { field, message: `${NAMES[field]} must be ${problem}.` };
  }
  for (const network of [values.prior, ...values.unets]) {
    const problem = settingProblem(network);
    if (problem !== undefined) return { field: "settings", message: problem };
  }
  return undefined;
}

const NAMES: Readonly<Record<string, string>> = {
  count: "The number of images",
  seed: "The seed",
  interpolateFrames: "The number of images",
  editFrames: "The number of images",
  strength: "The strength",
  resampleTimes: "The number of repeats",
  startAtUnetNumber: "The first U-Net",
};

function settingProblem({ steps, condScale }: Sampling): string | undefined {
  const [ofSteps, ofScale] = [outside(LIMITS.steps, steps), outside(LIMITS.condScale, condScale)];
  if (ofSteps !== undefined) return `The sampling steps must be ${ofSteps}.`;
  return ofScale === undefined ? undefined : `The guidance must be ${ofScale}.`;
}

function outside(limits: Limits, value: number | undefined): string | undefined {
  return value === undefined || numberWithin(limits, value) !== undefined ? undefined : sayLimits(limits);
}

/** Says why a negative prompt would change nothing; undefined if it would, or if the model is not known. */
export function reasonAgainstNegative(
  values: DraftValues,
  task: Task,
  facts: ModelFacts | undefined,
): string | undefined {
  if (!facts) return undefined;
  const guidesPrior = usesPrior(task, values) && isGuided(values.prior, facts.prior);
  const guidesUnet = runUnets(task, values, facts).some(
    ({ takesText, takesImageEmbed, takesGuidance, index, ...defaults }) =>
      takesGuidance && (takesText || (takesImageEmbed && facts.prior)) && isGuided(values.unets[index], defaults),
  );
  return guidesPrior || guidesUnet
    ? undefined
    : "A negative prompt works by guidance: set a guidance other than 1 under Advanced, or clear it.";
}

function isGuided(own: Sampling | undefined, defaults: NetworkDefaults | undefined): boolean {
  return (own?.condScale ?? defaults?.condScale ?? 1) !== 1;
}

function negativeProblem(values: DraftValues, task: Task, facts: ModelFacts | undefined): Problem | undefined {
  if (!TAKE_NEGATIVE.includes(task) || values.negative.trim() === "") return undefined;
  const message = reasonAgainstNegative(values, task, facts);
  return message === undefined ? undefined : { field: "negative", message };
}
