import type { ImageSize, SamplerName } from "dalle2-webgpu";
import type { Engine } from "../engine/engine.js";
import { failureOf } from "../engine/failure.js";
import { sayFailure } from "../engine/say-failure.js";
import {
  type ImageRequest,
  type PriorSampling,
  type RequestParameters,
  type Sampling,
  type Task,
  TASKS,
} from "dalle2-webgpu/requests";
import { findProblem, type Problem } from "./checks.js";
import type { ModelFacts } from "./facts.js";
import { readHint, readInputImage, type InputImage } from "./input-image.js";
import { randomSeed } from "./limits.js";
import { parametersOf, settingsOf, takesNoise, takesSize, valuesOf, type DraftValues } from "./parameters.js";

/** How many images a task takes. */
export const IMAGES_OF: Readonly<Record<Task, number>> = {
  create: 0,
  variations: 1,
  inpaint: 1,
  upscale: 1,
  interpolate: 2,
  edit: 1,
};

/** The mask of inpainting. */
export interface DraftMask {
  /** Share of the pixels that is generated, 0 to 1. */
  readonly share: number;
  /** In the size of the image, row by row: 1 where a pixel is kept, 0 where it is generated. */
  values(): Uint8Array;
}

/** An image that can be the input of a task. */
export interface UsableImage {
  readonly file: Blob;
  /** Prompt of the image; empty if it has none, undefined if that is not known. */
  readonly prompt: string | undefined;
  /** Default: its prompt, or "Image" without one. */
  readonly name?: string;
}

/** Parameters from a link may have no seed. */
export type RestoredParameters = Omit<RequestParameters, "seed"> & { readonly seed: number | undefined };

/** What a draft needs of the page. */
export interface DraftContext {
  readonly engine: Pick<Engine, "decodeImage" | "resize">;
  /** The model for the next job; undefined while it is not known. */
  readonly facts: () => ModelFacts | undefined;
  /** Id of the chosen model. */
  readonly modelId: () => string;
  /** Whether the chosen model takes a hint, as far as it is known before it is open. */
  readonly takesHint?: () => boolean;
}

/** Settings that belong to a model: another one has other networks. */
export interface ModelSettings {
  readonly prior?: PriorSampling;
  readonly unets?: readonly Sampling[];
  readonly sampler?: SamplerName | undefined;
  readonly startAtUnetNumber?: number | undefined;
  readonly size?: ImageSize | undefined;
  readonly noiseLevel?: number | undefined;
}

/** What a person has entered: the state of all forms. A value that is undefined is the model's default. */
export class Draft implements DraftValues {
  /** Prompts of `create`, one a line. */
  prompts = $state("a red circle on a white background");
  /** Prompts of `inpaint`, one a line. */
  inpaintPrompts = $state("");
  /** What the input image shows, for decoders that take text. */
  variationsCaption = $state("");
  upscaleCaption = $state("");
  negative = $state("");
  /** Images for each prompt or input image. */
  count = $state(1);
  /** Seed of the newest job, or of the next one if it is locked. */
  seed = $state(randomSeed());
  /** Whether the next job has the same seed. Otherwise it has a new one. */
  isSeedLocked = $state(false);
  /** What `interpolate` goes between. */
  ends: "prompts" | "images" = $state("prompts");
  /** Prompts of both ends; between images, what they show. */
  start = $state("");
  end = $state("");
  interpolateFrames: number | undefined = $state();
  before = $state("");
  after = $state("");
  strength: number | undefined = $state();
  editFrames: number | undefined = $state();
  resampleTimes: number | undefined = $state();
  /** By id of the model. */
  settings: Readonly<Record<string, ModelSettings>> = $state.raw({});
  /** Input images. Interpolation has up to two, others one. */
  images: Readonly<Record<Task, readonly InputImage[]>> = $state.raw(forEachTask(() => []));
  /** What was wrong with the newest image that a person gave. */
  imageFailures: Readonly<Record<Task, string | undefined>> = $state.raw(forEachTask(() => undefined));
  /** What the images follow, for models that take a hint. */
  hint: InputImage | undefined = $state.raw();
  /** What was wrong with the newest hint that a person gave. */
  hintFailure: string | undefined = $state();
  /** Set by the mask painter. */
  mask: DraftMask | undefined = $state.raw();
  readonly #context: DraftContext;

  constructor(context: DraftContext) {
    this.#context = context;
  }

  get prior(): PriorSampling {
    return this.#own.prior ?? {};
  }

  set prior(prior: PriorSampling) {
    this.#change({ prior });
  }

  /** By index of the U-Net. */
  get unets(): readonly Sampling[] {
    return this.#own.unets ?? [];
  }

  set unets(unets: readonly Sampling[]) {
    this.#change({ unets });
  }

  /** Sampler of all U-Nets. */
  get sampler(): SamplerName | undefined {
    return this.#own.sampler;
  }

  set sampler(sampler: SamplerName | undefined) {
    this.#change({ sampler });
  }

  get startAtUnetNumber(): number | undefined {
    return this.#own.startAtUnetNumber;
  }

  set startAtUnetNumber(startAtUnetNumber: number | undefined) {
    this.#change({ startAtUnetNumber });
  }

  /** Of the images, for models of many sizes. */
  get size(): ImageSize | undefined {
    return this.#own.size;
  }

  set size(size: ImageSize | undefined) {
    this.#change({ size });
  }

  /** Noise on image embeddings. */
  get noiseLevel(): number | undefined {
    return this.#own.noiseLevel;
  }

  set noiseLevel(noiseLevel: number | undefined) {
    this.#change({ noiseLevel });
  }

  /** Whether the model takes a hint, and so needs one. */
  get takesHint(): boolean {
    const { facts } = this;
    return facts ? facts.unets[0]?.takesHint === true : this.#context.takesHint?.() === true;
  }

  /** The model for the next job; undefined while it is not known. */
  get facts(): ModelFacts | undefined {
    return this.#context.facts();
  }

  /** Returns what a job needs, or says what is missing. */
  request(task: Task): ImageRequest | Problem {
    const problem = this.problem(task);
    if (problem) return problem;
    const parameters = parametersOf(this, task, this.facts);
    const inputs = this.takesImages(task) ? this.images[task] : [];
    const images = inputs.map(({ pixels }) => pixels);
    const imageNames = inputs.map(({ name }) => name);
    const hint = this.takesHint && this.hint;
    return {
      parameters,
      images,
      imageNames,
      ...(task === "inpaint" && { mask: this.mask?.values() }),
      ...(hint && { hint: hint.pixels, hintName: hint.name }),
    };
  }

  /** Says what is missing for a job; undefined if nothing is. */
  problem(task: Task): Problem | undefined {
    return findProblem(this, task, {
      facts: this.facts,
      sides: this.images[task].map(({ pixels }) => pixels.width),
      hasMask: this.mask !== undefined && this.mask.share > 0,
      lacksHint: this.takesHint && !this.hint,
    });
  }

  /** Whether the task takes images as it is set. */
  takesImages(task: Task): boolean {
    return IMAGES_OF[task] > 0 && (task !== "interpolate" || this.ends === "images");
  }

  /** Swaps both ends of an interpolation. */
  swapEnds(): void {
    [this.start, this.end] = [this.end, this.start];
    this.#setImages("interpolate", this.images.interpolate.toReversed());
  }

  /** Takes a new seed. */
  rollSeed(): void {
    this.seed = randomSeed();
  }

  /** Sets settings of the prior. The model's defaults count as not set. */
  setPrior(settings: PriorSampling): void {
    this.prior = changesIn({ ...this.prior, ...settings }, this.facts?.prior);
  }

  /** Sets settings of a U-Net. */
  setUnet(index: number, settings: Sampling): void {
    const all = Array.from({ length: Math.max(this.unets.length, index + 1) }, (_, i) => this.unets[i] ?? {});
    this.unets = all.with(index, changesIn({ ...all[index], ...settings }, this.facts?.unets[index]));
  }

  /** How many settings of the networks of a task differ from the model's defaults. */
  changes(task: Task): number {
    const ofNetworks = settingsOf(this, task, this.facts).flatMap((network): unknown[] => Object.values(network));
    const ofTask = { inpaint: this.resampleTimes, upscale: this.startAtUnetNumber };
    const own = task === "inpaint" || task === "upscale" ? ofTask[task] : undefined;
    const size = takesSize(task, this.facts) ? this.size : undefined;
    const noiseLevel = takesNoise(task, this.facts) ? this.noiseLevel : undefined;
    return [...ofNetworks, this.sampler, own, size, noiseLevel].filter((value) => value !== undefined).length;
  }

  /** Sets all settings of networks back to the model's defaults. */
  resetSettings(): void {
    this.settings = { ...this.settings, [this.#context.modelId()]: {} };
    this.resampleTimes = undefined;
  }

  /**
   * Fills the form of the task with the parameters of a job, and locks the seed, if it is known. Images stay. Returns the task,
   * whose tab shows the form.
   */
  restore({ seed, ...others }: RestoredParameters): Task {
    const { prior, unets } = others;
    const { facts } = this;
    Object.assign(this, valuesOf(others), {
      prior: changesIn(prior, facts?.prior),
      unets: unets.slice(0, facts?.unets.length).map((unet, i) => changesIn(unet, facts?.unets[i])),
      ...(seed !== undefined && { seed, isSeedLocked: true }),
    });
    return others.task;
  }

  /**
   * Makes an image input image `index` of a task; by default the first that is free, or the last. Its prompt becomes the text
   * that says what the image shows. If its prompt is not known, that text stays where there was no image yet: it may have been
   * entered for this one.
   */
  async useAsInput(task: Task, image: UsableImage, index = this.#freeIndex(task)): Promise<void> {
    if (IMAGES_OF[task] === 0) return;
    if (task === "interpolate") this.ends = "images";
    const { file, prompt } = image;
    const caption = prompt ?? "";
    const name = image.name ?? (caption === "" ? "Image" : caption);
    const at = Math.min(index, this.images[task].length);
    const isReplaced = this.images[task][at] !== undefined;
    if (!(await this.addImage(task, file, name, at))) return;
    if (prompt === undefined && !isReplaced) return;
    if (task === "variations") this.variationsCaption = caption;
    if (task === "upscale") this.upscaleCaption = caption;
    if (task === "edit") this.before = caption;
    if (task === "interpolate") this[at === 0 ? "start" : "end"] = caption;
  }

  /** Reads a file and makes it input image `index`. Returns whether it could be read. */
  async addImage(task: Task, file: Blob, name: string, index = 0): Promise<boolean> {
    try {
      const image = await readInputImage(this.#context.engine, file, name);
      const others = this.images[task];
      const at = Math.min(index, others.length);
      if (others[at]) URL.revokeObjectURL(others[at].url);
      this.#setImages(task, [...others.slice(0, at), image, ...others.slice(at + 1)]);
      this.#setFailure(task, undefined);
      return true;
    } catch (error) {
      this.#setFailure(task, sayFailure(failureOf(error)));
      return false;
    }
  }

  /** Removes an input image. The second end of an interpolation becomes the first, with its text. */
  removeImage(task: Task, id: string): void {
    const images = this.images[task];
    const index = images.findIndex((image) => image.id === id);
    if (index < 0) return;
    URL.revokeObjectURL(images[index]!.url);
    this.#setImages(task, images.toSpliced(index, 1));
    if (task === "interpolate") [this.start, this.end] = [index === 0 ? this.end : this.start, ""];
  }

  /** Reads a file and makes it the hint; without a file, there is none any more. */
  async setHint(file: Blob | undefined, name = ""): Promise<void> {
    try {
      const hint = file && (await readHint(this.#context.engine, file, name));
      if (this.hint) URL.revokeObjectURL(this.hint.url);
      this.hint = hint;
      this.hintFailure = undefined;
    } catch (error) {
      this.hintFailure = sayFailure(failureOf(error));
    }
  }

  #freeIndex(task: Task): number {
    return Math.min(this.images[task].length, IMAGES_OF[task] - 1);
  }

  get #own(): ModelSettings {
    return this.settings[this.#context.modelId()] ?? {};
  }

  #change(settings: ModelSettings): void {
    this.settings = { ...this.settings, [this.#context.modelId()]: { ...this.#own, ...settings } };
  }

  #setImages(task: Task, images: readonly InputImage[]): void {
    this.images = { ...this.images, [task]: images };
  }

  #setFailure(task: Task, failure: string | undefined): void {
    this.imageFailures = { ...this.imageFailures, [task]: failure };
  }
}

function forEachTask<T>(value: () => T): Record<Task, T> {
  return Object.fromEntries(TASKS.map((task) => [task, value()])) as Record<Task, T>;
}

/** Leaves out what is not set, or is the default. */
function changesIn<T extends object>(settings: T, defaults: Partial<T> | undefined): T {
  const isChange = ([name, value]: readonly [string, unknown]): boolean =>
    value !== undefined && value !== (defaults as Readonly<Record<string, unknown>> | undefined)?.[name];
  return Object.fromEntries(Object.entries(settings).filter(isChange)) as T;
}

/** Whether a draft has no request yet. */
export function isProblem(asked: ImageRequest | Problem): asked is Problem {
  return "field" in asked;
}
