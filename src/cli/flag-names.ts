import { SETTING_NAMES } from "../diffusion/settings.js";
import { PRIOR_NAME } from "../models/component.js";
import { prefixedName } from "../pipeline/settings.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { settingFlag } from "./generating/setting-options.js";

/** Flags for call options that are not sampling settings. */
const OTHERS: Readonly<Record<string, string>> = {
  seed: "--seed",
  seeds: "--seed",
  sampleCount: "--samples",
  priorSampleCount: "--prior-samples",
  decoderSampleCount: "--decoder-samples",
  numSamplesPerBatch: "--candidates",
  priorNumSamplesPerBatch: "--candidates",
  batchSize: "--decoder-batch-size",
  decoderBatchSize: "--decoder-batch-size",
  priorBatchSize: "--prior-batch-size",
  negativeText: "--negative-prompt",
  resampleTimes: "--resample-times",
  inpaintResampleTimes: "--resample-times",
  startAtUnetNumber: "--start-at-unet",
  computeInF32: "--dtype",
  frames: "--frames",
  initImages: "--init-image",
  initEmbed: "--init-image",
  strength: "--strength",
  noiseLevel: "--noise-level",
  decoderNoiseLevel: "--noise-level",
  previewEvery: "--preview",
  tokenization: "--tokenization",
  dtype: "--dtype",
  weights: "--weights",
  offload: "--offload",
  size: "--size",
  hint: "--hint",
  from: "--from",
  to: "--to",
};

/** The flag for a library option, if there is one. `component` is the component that an error is about. */
export function flagOf(argument: string, component?: string): string | undefined {
  for (const name of SETTING_NAMES) {
    if (argument === prefixedName("prior", name)) return settingFlag("prior", name);
    if (argument === prefixedName("decoder", name)) return settingFlag("decoder", name);
    if (argument === name) return settingFlag(component === PRIOR_NAME ? "prior" : "decoder", name);
  }
  return Object.hasOwn(OTHERS, argument) ? OTHERS[argument] : undefined;
}

/** A message of the library with its option names replaced by flags. */
export function inFlags(error: unknown, text: string): string {
  if (!(error instanceof Dalle2Error) || !/^(argument|sampling)\//.test(error.code)) return text;
  const { argument, component } = error.place ?? {};
  const start = argument === undefined ? undefined : flagOf(argument, component);
  const withFlag = start !== undefined && text.startsWith(`${argument} `) ? start + text.slice(argument!.length) : text;
  const named = (name: string): string => flagOf(name, component) ?? name;
  // Only names in camel case, or that a message asks to pass or to leave out: other option names are also English words.
  return withFlag
    .replace(/\b(pass|leave) ([a-z]+)\b/g, (_, verb: string, name: string) => `${verb} ${named(name)}`)
    .replace(/(?<![\w-])[a-z]+(?:[A-Z][a-z0-9]*)+(?!\w)/g, named);
}
