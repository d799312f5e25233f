// From the record in an image file, which the app and the `dalle2` command write, to the parameters of a form.
import type { ImageRecord, ImageSize, SamplerName } from "dalle2-webgpu";
import {
  type PriorSampling,
  type RequestParameters,
  samplerNamed,
  type Sampling,
  type Task,
} from "dalle2-webgpu/requests";

/** Tasks by the script that runs them. */
const TASK_OF_SCRIPT: Readonly<Record<string, Task>> = {
  BasicInference: "create",
  ImageVariation: "variations",
  BasicInpainting: "inpaint",
  Upscale: "upscale",
  Interpolate: "interpolate",
  TextGuidedEdit: "edit",
};

/** The values that a record has, by name. They are whatever the file says. */
type Values = Readonly<Record<string, unknown>>;

/** Returns the parameters that generate the image of a record again; undefined if no task of the app did. */
export function parametersOfRecord({ seed, parameters }: ImageRecord): RequestParameters | undefined {
  const task = taskOf(parameters.script);
  if (!task) return undefined;
  const values: Values = parameters;
  const network = readDecoder(values);
  return defined({
    task,
    prompts: readPrompts(task, values),
    negative: text(values.negativeText),
    count: 1,
    seed,
    prior: readPrior(values),
    unets: network.unets,
    sampler: network.samplers.length === 1 ? network.samplers[0] : undefined,
    size: readSize(values.size),
    noiseLevel: number(values.decoderNoiseLevel ?? values.noiseLevel),
    ...readOwn(task, values),
  });
}

/** Id of the model of a record: a name of a load config of the package, or where its load config was. */
export function modelOfRecord({ model }: ImageRecord): string {
  return model.config ?? "shapes";
}

/** Says what of a record the parameters do not hold, a sentence for each: the image will be another one without it. */
export function missingOfRecord(record: ImageRecord): readonly string[] {
  const { inputs, seed, parameters } = record;
  const values: Values = parameters;
  const task = taskOf(values.script);
  const isBetweenPrompts = task === "interpolate" && typeof values.start === "string";
  const files = ["image", "mask", "start", "end", "initImage", "hint", "embeddings"]
    .filter((name) => inputs[name] !== undefined && !(isBetweenPrompts && (name === "start" || name === "end")))
    .map((name) => `Its file does not hold ${FILES[name]} “${inputs[name]}”.`);
  const others = [
    values.priorSeed !== undefined && values.priorSeed !== seed && "Its image embedding had a seed of its own.",
    values.tokenization !== undefined && "Its prompt was tokenized in another way.",
    readDecoder(values).samplers.length > 1 && "Its U-Nets had different samplers.",
  ];
  return [...files, ...others.filter((one) => one !== false)];
}

const FILES: Readonly<Record<string, string>> = {
  image: "the image",
  mask: "the mask",
  start: "the first image",
  end: "the second image",
  initImage: "the initial image",
  hint: "the hint image",
  embeddings: "the embeddings",
};

function taskOf(script: unknown): Task | undefined {
  return typeof script === "string" && Object.hasOwn(TASK_OF_SCRIPT, script) ? TASK_OF_SCRIPT[script] : undefined;
}

function readPrompts(task: Task, values: Values): readonly string[] {
  if (task === "edit") return [values.from, values.to].map((one) => text(one) ?? "");
  const of = text(values.text);
  if (task !== "interpolate") return of === undefined ? [] : [of];
  const [first, second] = Array.isArray(values.text) ? (values.text as unknown[]).map(text) : [of, of];
  const ends = [text(values.start) ?? first, text(values.end) ?? second];
  return ends.some((end) => end === undefined) ? [] : ends.map((end) => end ?? "");
}

/** Parameters of one task alone. */
function readOwn(task: Task, values: Values): Partial<RequestParameters> {
  switch (task) {
    case "interpolate": {
      const isBetweenPrompts = text(values.start) !== undefined && text(values.end) !== undefined;
      return { frames: number(values.frames), isBetweenImages: isBetweenPrompts ? undefined : true };
    }
    case "edit":
      // Each image of a series has its own strength.
      return { frames: 1, strength: number(values.strength) };
    case "inpaint":
      return { resampleTimes: number(values.resampleTimes) };
    case "upscale":
      return { startAtUnetNumber: number(values.startAtUnetNumber) };
    default:
      return {};
  }
}

function readPrior(values: Values): PriorSampling {
  return defined({
    steps: number(values.priorSteps),
    condScale: number(values.priorCondScale),
    sampler: samplerNamed(values.priorSampler),
    candidates: number(values.priorNumSamplesPerBatch),
  });
}

/** Settings of the decoder: scripts that also run the prior call them `decoderSteps`, others `steps`. */
function readDecoder(values: Values): { readonly unets: readonly Sampling[]; readonly samplers: SamplerName[] } {
  const list = (name: string): readonly unknown[] => {
    const value = values[`decoder${name[0]!.toUpperCase()}${name.slice(1)}`] ?? values[name];
    return Array.isArray(value) ? (value as unknown[]) : value === undefined ? [] : [value];
  };
  const [steps, condScales] = [list("steps").map(number), list("condScale").map(number)];
  const unets = Array.from({ length: Math.max(steps.length, condScales.length) }, (_, i) =>
    defined({ steps: steps[i], condScale: condScales[i] }),
  );
  return { unets, samplers: [...new Set(list("sampler").map(samplerNamed))].filter((name) => name !== undefined) };
}

/** A size; a number is the side of squares. */
function readSize(value: unknown): ImageSize | undefined {
  const { width, height } = typeof value === "number" ? { width: value, height: value } : (Object(value) as Values);
  const sides = [number(width), number(height)] as const;
  return sides[0] === undefined || sides[1] === undefined ? undefined : { width: sides[0], height: sides[1] };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** Leaves out values that are undefined. */
function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
