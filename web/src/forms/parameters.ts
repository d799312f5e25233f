// From what a person entered to the parameters of a job, and back.
import type { ImageSize, SamplerName } from "dalle2-webgpu";
import {
  type PriorSampling,
  REQUEST_DEFAULTS,
  type RequestParameters,
  runsPrior,
  type Sampling,
  type Task,
} from "dalle2-webgpu/requests";
import type { ModelFacts, NetworkDefaults } from "./facts.js";

/** The values of all forms. Undefined: the model's or the library's default. */
export interface DraftValues {
  readonly prompts: string;
  readonly inpaintPrompts: string;
  readonly variationsCaption: string;
  readonly upscaleCaption: string;
  readonly negative: string;
  readonly count: number;
  readonly seed: number;
  readonly isSeedLocked: boolean;
  readonly ends: "prompts" | "images";
  readonly start: string;
  readonly end: string;
  readonly interpolateFrames: number | undefined;
  readonly before: string;
  readonly after: string;
  readonly strength: number | undefined;
  readonly editFrames: number | undefined;
  readonly resampleTimes: number | undefined;
  readonly startAtUnetNumber: number | undefined;
  readonly prior: RequestParameters["prior"];
  readonly unets: readonly Sampling[];
  readonly sampler: SamplerName | undefined;
  readonly size: ImageSize | undefined;
  readonly noiseLevel: number | undefined;
}

/** Tasks with a number of images for each prompt or image, and with a negative prompt. Others give a series. */
export const COUNTED_TASKS: readonly Task[] = ["create", "variations", "inpaint", "upscale"];

/** Returns the prompts in a text with one a line. */
export function promptsIn(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

/** Whether a task runs the prior with settings of its own. */
export function usesPrior(task: Task, { ends }: Pick<DraftValues, "ends">): boolean {
  return runsPrior({ task, isBetweenImages: ends === "images" });
}

/** A network that a task runs, and what it does with guidance. */
export interface RunNetwork {
  /** Its index among the U-Nets; undefined for the prior. */
  readonly index: number | undefined;
  readonly defaults: NetworkDefaults;
  readonly takesText: boolean;
  /** Whether guidance can lead away from a text, or from the image embedding that the prior makes of it. */
  readonly takesNegative: boolean;
}

/** The networks that a task runs. */
export function networksOf(
  values: Pick<DraftValues, "ends" | "startAtUnetNumber">,
  task: Task,
  { prior, unets }: ModelFacts,
): readonly RunNetwork[] {
  const first = task === "upscale" ? (values.startAtUnetNumber ?? REQUEST_DEFAULTS.startAtUnetNumber) : 1;
  const ofUnets = unets.map(({ takesText, takesImageEmbed, takesGuidance, ...defaults }, index) => ({
    index,
    defaults,
    takesText,
    takesNegative: takesGuidance && (takesText || (takesImageEmbed && prior !== undefined)),
  }));
  const ofPrior = prior && { index: undefined, defaults: prior, takesText: true, takesNegative: true };
  return [...(ofPrior && usesPrior(task, values) ? [ofPrior] : []), ...ofUnets.slice(first - 1)];
}

/** Whether a negative prompt can change anything in a task. True while the model is not known. */
export function takesNegative(values: DraftValues, task: Task, facts: ModelFacts | undefined): boolean {
  if (!COUNTED_TASKS.includes(task)) return false;
  return !facts || networksOf(values, task, facts).some((network) => network.takesNegative);
}

/** Whether a task reads captions: texts that say what its images show. Optional while the model is not known. */
export function captionUse(
  values: Pick<DraftValues, "ends" | "startAtUnetNumber">,
  task: Task,
  facts: ModelFacts | undefined,
): "none" | "optional" | "needed" {
  if (task !== "variations" && task !== "upscale" && (task !== "interpolate" || values.ends === "prompts"))
    return "none";
  if (!facts) return "optional";
  if (!networksOf(values, task, facts).some(({ takesText }) => takesText)) return "none";
  if (facts.needsText) return "needed";
  return facts.readsText ? "optional" : "none";
}

/**
 * Whether the images of a task can have many sizes. Those of inpainting have the model's own: they keep pixels of the square of an image.
 * True while the model is not known.
 */
export function takesSize(task: Task, facts: ModelFacts | undefined): boolean {
  return task !== "upscale" && task !== "inpaint" && (!facts || facts.unets[0]?.sizeUnit !== undefined);
}

/** Whether noise can be added to the image embeddings of a task. True while the model is not known. */
export function takesNoise(task: Task, facts: ModelFacts | undefined): boolean {
  return task !== "upscale" && (!facts || facts.unets[0]?.noiseLevels !== undefined);
}

/** The settings of the networks that a task runs. While the model is not known: those of all U-Nets. */
export function settingsOf(values: DraftValues, task: Task, facts: ModelFacts | undefined): readonly PriorSampling[] {
  if (!facts) return [...(usesPrior(task, values) ? [values.prior] : []), ...values.unets];
  const networks = networksOf(values, task, facts);
  return networks.map(({ index }) => (index === undefined ? values.prior : (values.unets[index] ?? {})));
}

/** Returns the texts of a task that its form shows, in the order of `RequestParameters.prompts`. */
export function textsOf(values: DraftValues, task: Task, facts: ModelFacts | undefined): readonly string[] {
  const hasCaptions = captionUse(values, task, facts) !== "none";
  switch (task) {
    case "create":
      return promptsIn(values.prompts);
    case "inpaint":
      return promptsIn(values.inpaintPrompts);
    case "variations":
      return hasCaptions ? filled(values.variationsCaption) : [];
    case "upscale":
      return hasCaptions ? filled(values.upscaleCaption) : [];
    case "interpolate": {
      const ends = [values.start.trim(), values.end.trim()];
      return values.ends === "prompts" || (hasCaptions && !ends.includes("")) ? ends : [];
    }
    case "edit":
      return [values.before.trim(), values.after.trim()];
  }
}

/** Returns the parameters of a job. */
export function parametersOf(values: DraftValues, task: Task, facts: ModelFacts | undefined): RequestParameters {
  const { seed, sampler, size, noiseLevel } = values;
  const negative = values.negative.trim();
  return {
    task,
    prompts: textsOf(values, task, facts),
    ...(negative !== "" && takesNegative(values, task, facts) && { negative }),
    count: COUNTED_TASKS.includes(task) ? values.count : 1,
    seed,
    prior: usesPrior(task, values) ? defined(values.prior) : {},
    unets: unetsOf(values.unets, facts),
    ...(sampler && { sampler }),
    ...(size && takesSize(task, facts) && { size }),
    ...(noiseLevel !== undefined && takesNoise(task, facts) && { noiseLevel }),
    ...ownParameters(values, task),
  };
}

function ownParameters(values: DraftValues, task: Task): Partial<RequestParameters> {
  const { strength = REQUEST_DEFAULTS.strength, resampleTimes, startAtUnetNumber } = values;
  switch (task) {
    case "interpolate":
      return {
        frames: values.interpolateFrames ?? REQUEST_DEFAULTS.interpolateFrames,
        ...(values.ends === "images" && { isBetweenImages: true }),
      };
    case "edit":
      return { frames: values.editFrames ?? REQUEST_DEFAULTS.editFrames, strength };
    case "inpaint":
      return defined({ resampleTimes });
    case "upscale":
      return defined({ startAtUnetNumber });
    default:
      return {};
  }
}

/** A value for each U-Net of the model; an empty list if all are defaults. */
function unetsOf(unets: readonly Sampling[], facts: ModelFacts | undefined): readonly Sampling[] {
  const own = Array.from({ length: facts?.unets.length ?? unets.length }, (_, i) => defined(unets[i] ?? {}));
  return own.some((unet) => Object.keys(unet).length > 0) ? own : [];
}

/** Returns the values of the forms that parameters set, but for the seed. The library's defaults count as not set. */
export function valuesOf({ task, prompts, ...given }: Omit<RequestParameters, "seed">): Partial<DraftValues> {
  const { count, prior, unets, sampler, frames, strength, resampleTimes, startAtUnetNumber } = given;
  const shared = {
    prior,
    unets,
    sampler,
    size: typeof given.size === "number" ? { width: given.size, height: given.size } : given.size,
    noiseLevel: unlessDefault("noiseLevel", given.noiseLevel),
    ...(COUNTED_TASKS.includes(task) && { count, negative: given.negative ?? "" }),
  };
  const [first = "", second = ""] = prompts;
  switch (task) {
    case "create":
      return { ...shared, prompts: prompts.join("\n") };
    case "inpaint":
      return {
        ...shared,
        inpaintPrompts: prompts.join("\n"),
        resampleTimes: unlessDefault("resampleTimes", resampleTimes),
      };
    case "variations":
      return { ...shared, variationsCaption: first };
    case "upscale":
      return {
        ...shared,
        upscaleCaption: first,
        startAtUnetNumber: unlessDefault("startAtUnetNumber", startAtUnetNumber),
      };
    case "interpolate":
      return {
        ...shared,
        ends: given.isBetweenImages ? "images" : "prompts",
        start: first,
        end: second,
        interpolateFrames: frames,
      };
    case "edit":
      return { ...shared, before: first, after: second, strength, editFrames: frames };
  }
}

function unlessDefault(name: keyof typeof REQUEST_DEFAULTS, value: number | undefined): number | undefined {
  return value === REQUEST_DEFAULTS[name] ? undefined : value;
}

function filled(text: string): string[] {
  const trimmed = text.trim();
  return trimmed === "" ? [] : [trimmed];
}

/** Leaves out values that are undefined. */
function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
