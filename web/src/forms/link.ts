// Links that hold the parameters of a job: after `#`, as a query string that people can read.
import type { ImageSize } from "dalle2-webgpu";
import { type PriorSampling, type RequestParameters, samplerNamed, type Sampling, TASKS } from "dalle2-webgpu/requests";
import type { RestoredParameters } from "./draft.svelte.js";
import { LIMITS, numberWithin, type Limits } from "./limits.js";

/** What a link says. */
export interface LinkContent {
  readonly parameters: RestoredParameters;
  /** Id of the model; undefined if the link names none. */
  readonly modelId: string | undefined;
}

/** Bounds of texts: whoever writes a link may write anything. */
const MOST_PROMPTS = 64;
const MOST_CHARACTERS = 2000;
const MOST_UNETS = 9;

/** Returns the part of a link after `#`. */
export function formatLink(parameters: RequestParameters, modelId: string): string {
  const { task, prompts, negative, count, seed, prior, unets, sampler, isBetweenImages } = parameters;
  const { frames, strength, resampleTimes, startAtUnetNumber, size, noiseLevel } = parameters;
  const query = new URLSearchParams({ task });
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) query.append(name, String(value));
  };
  for (const prompt of prompts) add("prompt", prompt);
  add("negative", negative);
  if (count !== 1) add("count", count);
  add("seed", seed);
  if (isBetweenImages) add("between", "images");
  add("frames", frames);
  add("strength", strength);
  add("repeats", resampleTimes);
  add("start", startAtUnetNumber);
  if (size !== undefined) add("size", typeof size === "number" ? `${size}x${size}` : `${size.width}x${size.height}`);
  add("noise", noiseLevel);
  add("sampler", sampler);
  addSampling(add, "prior", prior);
  add("prior.sampler", prior.sampler);
  add("prior.candidates", prior.candidates);
  for (const [i, unet] of unets.entries()) addSampling(add, `unet${i + 1}`, unet);
  add("model", modelId);
  return query.toString();
}

/** Returns the address of this page with parameters. */
export function linkTo(page: string, parameters: RequestParameters, modelId: string): string {
  const url = new URL(page);
  url.hash = formatLink(parameters, modelId);
  return url.href;
}

/** Reads the part of a link after `#`. Ignores what it does not know, and values out of range. Undefined if it names no task. */
export function parseLink(hash: string): LinkContent | undefined {
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const task = TASKS.find((name) => name === query.get("task"));
  if (!task) return undefined;
  const number = (name: string, limits: Limits): number | undefined => numberIn(query, name, limits);
  const negative = query.get("negative")?.slice(0, MOST_CHARACTERS);
  const frames = task === "edit" ? LIMITS.editFrames : LIMITS.interpolateFrames;
  const parameters = {
    task,
    prompts: promptsOf(query),
    ...(negative !== undefined && { negative }),
    count: number("count", LIMITS.count) ?? 1,
    seed: number("seed", LIMITS.seed),
    ...(query.get("between") === "images" && { isBetweenImages: true }),
    frames: number("frames", frames),
    strength: number("strength", LIMITS.strength),
    resampleTimes: number("repeats", LIMITS.resampleTimes),
    startAtUnetNumber: number("start", LIMITS.startAtUnetNumber),
    size: sizeIn(query.get("size") ?? ""),
    noiseLevel: number("noise", LIMITS.noiseLevel),
    sampler: samplerNamed(query.get("sampler")),
    prior: priorIn(query),
    unets: unetsIn(query),
  };
  return { parameters, modelId: query.get("model")?.slice(0, MOST_CHARACTERS) };
}

/** A size such as "768x512". */
function sizeIn(text: string): ImageSize | undefined {
  const [, ...sides] = /^(\d+)x(\d+)$/.exec(text) ?? [];
  const [width, height] = sides.map((side) => numberWithin(LIMITS.side, Number(side)));
  return width === undefined || height === undefined ? undefined : { width, height };
}

function addSampling(
  add: (name: string, value: number | undefined) => void,
  network: string,
  { steps, condScale }: Sampling,
): void {
  add(`${network}.steps`, steps);
  add(`${network}.guidance`, condScale);
}

/** The prompts. A line break would make two of one. */
function promptsOf(query: URLSearchParams): string[] {
  const prompts = query.getAll("prompt").slice(0, MOST_PROMPTS);
  return prompts.map((prompt) => prompt.replaceAll(/\s+/g, " ").slice(0, MOST_CHARACTERS));
}

function priorIn(query: URLSearchParams): PriorSampling {
  return {
    ...samplingIn(query, "prior"),
    sampler: samplerNamed(query.get("prior.sampler")),
    candidates: numberIn(query, "prior.candidates", LIMITS.candidates),
  };
}

/** Values for U-Nets, up to the last that the query names. */
function unetsIn(query: URLSearchParams): Sampling[] {
  const all = Array.from({ length: MOST_UNETS }, (_, i) => samplingIn(query, `unet${i + 1}`));
  const last = all.findLastIndex(({ steps, condScale }) => steps !== undefined || condScale !== undefined);
  return all.slice(0, last + 1);
}

function samplingIn(query: URLSearchParams, network: string): Sampling {
  return {
    steps: numberIn(query, `${network}.steps`, LIMITS.steps),
    condScale: numberIn(query, `${network}.guidance`, LIMITS.condScale),
  };
}

function numberIn(query: URLSearchParams, name: string, limits: Limits): number | undefined {
  const text = query.get(name)?.trim() ?? "";
  return text === "" ? undefined : numberWithin(limits, Number(text));
}
