// What is missing before a job can be queued.
import { REQUEST_DEFAULTS, type Sampling, type Task } from "dalle2-webgpu/requests";
import type { ModelFacts, NetworkDefaults } from "./facts.js";
import { LIMITS, numberWithin, sayLimits, type Limits } from "./limits.js";
import {
  captionUse,
  networksOf,
  settingsOf,
  takesNegative,
  takesNoise,
  takesSize,
  textsOf,
  usesPrior,
  type DraftValues,
} from "./parameters.js";

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
  | "size"
  | "noiseLevel"
  | "hint"
  | "startAtUnetNumber"
  | "settings";

/** Why there is no request yet. */
export interface Problem {
  readonly field: FieldName;
  /** Whether something is missing. Otherwise a value is wrong. */
  readonly isMissing: boolean;
  /** One sentence: what to do. */
  readonly message: string;
}

/** What there is beside the values. */
export interface Given {
  readonly facts: ModelFacts | undefined;
  /** Sides of the input images of the task, in pixels. */
  readonly sides: readonly number[];
  readonly hasMask: boolean;
  /** Whether the model needs a hint that is not there. */
  readonly lacksHint: boolean;
}

/** Returns the first thing that is missing for a job; undefined if nothing is. */
export function findProblem(values: DraftValues, task: Task, given: Given): Problem | undefined {
  return (
    modelProblem(values, task, given.facts) ??
    imageProblem(values, task, given) ??
    (given.lacksHint
      ? missing("hint", "Add a hint image: this model follows one, such as a map of depths.")
      : undefined) ??
    textProblem(values, task, given.facts) ??
    numberProblem(values, task, given.facts) ??
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
  if (unets[0]?.inpaintsOnly && task !== "inpaint") return "This model only fills parts of images: use Inpaint.";
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
  return message === undefined ? undefined : wrong("model", message);
}

function imageProblem(values: DraftValues, task: Task, { facts, sides, hasMask }: Given): Problem | undefined {
  if (task === "create" || (task === "interpolate" && values.ends === "prompts")) return undefined;
  if (task === "interpolate" && sides.length === 1) return missing("images", "Add the second image.");
  if (sides.length === 0) return missing("images", task === "interpolate" ? "Add two images." : "Add an image.");
  if (task === "inpaint" && !hasMask) return missing("mask", "Paint over what is to be generated.");
  const least = task === "upscale" ? enlargedFrom(values, facts) : undefined;
  if (least === undefined || sides[0]! >= least) return undefined;
  return wrong("images", `The image is too small: this model enlarges images of at least ${least} × ${least} pixels.`);
}

/** Side of the images that upscaling starts from, in pixels; undefined if it is not known. */
export function enlargedFrom(
  { startAtUnetNumber = REQUEST_DEFAULTS.startAtUnetNumber }: Pick<DraftValues, "startAtUnetNumber">,
  facts: ModelFacts | undefined,
): number | undefined {
  return facts?.unets[startAtUnetNumber - 2]?.imageSize;
}

function missing(field: FieldName, message: string): Problem {
  return { field, isMissing: true, message };
}

function wrong(field: FieldName, message: string): Problem {
  return { field, isMissing: false, message };
}

const MISSING_PROMPT = "Write a prompt: what the image is to show.";

function textProblem(values: DraftValues, task: Task, facts: ModelFacts | undefined): Problem | undefined {
  const texts = textsOf(values, task, facts);
  switch (task) {
    case "create":
      return texts.length > 0 ? undefined : missing("prompts", MISSING_PROMPT);
    case "inpaint":
      return texts.length > 0 ? undefined : missing("inpaintPrompts", MISSING_PROMPT);
    case "variations":
    case "upscale":
      if (texts.length > 0 || captionUse(values, task, facts) !== "needed") return undefined;
      return missing(`${task}Caption`, "Say what the image shows: this model reads a text beside it.");
    case "interpolate":
      return endsProblem(values, facts);
    case "edit":
      if (texts[0] === "") return missing("before", "Say what the image shows.");
      if (texts[1] === "") return missing("after", "Say what it is to show instead.");
      return texts[0] === texts[1] ? wrong("after", "Both texts are the same: change one.") : undefined;
  }
}

function endsProblem(values: DraftValues, facts: ModelFacts | undefined): Problem | undefined {
  const isOfImages = values.ends === "images";
  if (isOfImages && captionUse(values, "interpolate", facts) !== "needed") return undefined;
  for (const [field, which] of [
    ["start", "first"],
    ["end", "second"],
  ] as const) {
    if (values[field].trim() !== "") continue;
    const message = isOfImages
      ? `Say what the ${which} image shows: this model reads a text beside it.`
      : `Write the ${which} prompt.`;
    return missing(field, message);
  }
  return undefined;
}

function numberProblem(values: DraftValues, task: Task, facts: ModelFacts | undefined): Problem | undefined {
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
    if (problem !== undefined) return wrong(field, `${NAMES[field]} must be ${problem}.`);
  }
  return settingsProblem(values, task, facts);
}

/** What is wrong with settings that belong to a model. */
function settingsProblem(values: DraftValues, task: Task, facts: ModelFacts | undefined): Problem | undefined {
  const { size, noiseLevel } = values;
  for (const side of size && takesSize(task, facts) ? [size.width, size.height] : []) {
    const problem = outside(LIMITS.side, side);
    if (problem !== undefined) return wrong("size", `Width and height must be ${problem}.`);
  }
  const { noiseLevels } = facts?.unets[0] ?? {};
  const levels = noiseLevels === undefined ? LIMITS.noiseLevel : { ...LIMITS.noiseLevel, most: noiseLevels - 1 };
  const ofNoise = takesNoise(task, facts) ? outside(levels, noiseLevel) : undefined;
  if (ofNoise !== undefined) return wrong("noiseLevel", `The noise must be ${ofNoise}.`);
  for (const network of settingsOf(values, task, facts)) {
    const problem = settingProblem(network);
    if (problem !== undefined) return wrong("settings", problem);
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

/** Says why a negative prompt would change nothing as the networks are set; undefined if it would, or if nothing is known. */
export function reasonAgainstNegative(
  values: DraftValues,
  task: Task,
  facts: ModelFacts | undefined,
): string | undefined {
  if (!facts) return undefined;
  const isUsed = networksOf(values, task, facts).some(({ index, defaults, takesNegative }) => {
    const own = index === undefined ? values.prior : values.unets[index];
    return takesNegative && isGuided(own, defaults);
  });
  return isUsed
    ? undefined
    : "A negative prompt works by guidance: set a guidance other than 1 under Advanced, or clear it.";
}

function isGuided(own: Sampling | undefined, defaults: NetworkDefaults): boolean {
  return (own?.condScale ?? defaults.condScale) !== 1;
}

function negativeProblem(values: DraftValues, task: Task, facts: ModelFacts | undefined): Problem | undefined {
  if (!takesNegative(values, task, facts) || values.negative.trim() === "") return undefined;
  const message = reasonAgainstNegative(values, task, facts);
  return message === undefined ? undefined : wrong("negative", message);
}
