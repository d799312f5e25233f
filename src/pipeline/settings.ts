// Names and rules of the options of scripts. The settings of networks are in the table of diffusion/settings.ts.
import { mapSettings, SETTINGS, type AskedSettings, type NetworkSettings } from "../diffusion/settings.js";
import {
  checkArguments,
  count,
  exactWholeNumber,
  fraction,
  oneOrEach,
  orNull,
  type ArgumentRule,
} from "../platform/arguments.js";
import { imageSize } from "./canvas.js";
import { RANDOM_RULES } from "./randomness.js";

type Rules = Readonly<Record<string, ArgumentRule<unknown>>>;

/** Settings of the prior that a call can give. */
export interface AskedPriorSettings extends AskedSettings {
  /** Candidates for each embedding. The one most similar to the text is kept. Default: that of the prior, 2 or 1. */
  readonly numSamplesPerBatch?: number | undefined;
}

/** Settings of the prior that change an embedding, with defaults filled in. */
export interface PriorSettings extends NetworkSettings {
  /** Candidates for each embedding. The one most similar to the text is kept. */
  readonly numSamplesPerBatch: number;
}

/** Rules of the options that `samplePrior` and `sampleDecoder` share. */
const CALL_RULES = { sampleCount: count, batchSize: count, previewEvery: count, ...RANDOM_RULES };
const PRIOR_SETTINGS = { ...mapSettings<Rules>((name) => SETTINGS[name].rule), numSamplesPerBatch: count };
const DECODER_SETTINGS = mapSettings<Rules>((name) => oneOrEach(orNull<unknown>(SETTINGS[name].rule)));
const PRIOR_RULES: Rules = { ...CALL_RULES, ...PRIOR_SETTINGS, strength: fraction };
const DECODER_RULES: Rules = {
  ...CALL_RULES,
  ...DECODER_SETTINGS,
  startAtUnetNumber: count,
  stopAtUnetNumber: count,
  inpaintResampleTimes: count,
  strength: fraction,
  noiseLevel: exactWholeNumber,
};

/** A model that scripts sample. In scripts that sample both, its name is the prefix of its options: `priorCondScale`. */
export type Stage = "prior" | "decoder";

/** Options of a stage with its name as prefix. */
export type Prefixed<S extends Stage, Options> = {
  readonly [Name in keyof Options as Name extends string ? `${S}${Capitalize<Name>}` : never]: Options[Name];
};

/** Options of a stage without the prefix. */
export type Unprefixed<S extends Stage, Options> = {
  readonly [Name in keyof Options as Name extends `${S}${infer Own}` ? Uncapitalize<Own> : never]: Options[Name];
};

const STAGE_RULES = { prior: PRIOR_RULES, decoder: DECODER_RULES };

/** Returns `priorCondScale` for `condScale`. */
export function prefixedName(stage: Stage, name: string): string {
  return `${stage}${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** Adds the prefix of a stage to the names of its options. */
export function prefixed<S extends Stage, Options extends object>(stage: S, options: Options): Prefixed<S, Options> {
  const entries = Object.entries(options).map(([name, value]) => [prefixedName(stage, name), value] as const);
  return Object.fromEntries(entries) as Prefixed<S, Options>;
}

/** Picks the options of a stage from those of a script that samples both, and removes the prefix. */
export function unprefixed<S extends Stage, Options extends object>(
  stage: S,
  options: Options,
): Unprefixed<S, Options> {
  const given = options as Readonly<Record<string, unknown>>;
  const names = Object.keys(STAGE_RULES[stage]).filter((name) => prefixedName(stage, name) in given);
  return Object.fromEntries(names.map((name) => [name, given[prefixedName(stage, name)]])) as Unprefixed<S, Options>;
}

/** Rules of the options of all scripts, by name. */
const SCRIPT_RULES: Rules = {
  ...DECODER_RULES,
  ...prefixed("prior", PRIOR_RULES),
  ...prefixed("decoder", DECODER_RULES),
  resampleTimes: count,
  frames: count,
  size: imageSize,
};

/** Throws `ArgumentError` if an option of a script has an invalid value. */
export function checkOptions(options: object): void {
  checkArguments(SCRIPT_RULES, options);
}

/** The same for `samplePrior`, whose settings are single values. */
export function checkPriorOptions(options: object): void {
  checkArguments(PRIOR_RULES, options);
}
