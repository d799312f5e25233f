// Names and rules of what calls of scripts can set. How networks sample is in the table of diffusion/settings.ts.
import { mapSettings, SETTINGS, type AskedSettings, type NetworkSettings } from "../diffusion/settings.js";
import { checkArguments, count, fraction, oneOrEach, orNull, type ArgumentRule } from "../platform/arguments.js";
import { RANDOM_RULES } from "./randomness.js";

type Rules = Readonly<Record<string, ArgumentRule<unknown>>>;

/** What a call of the prior can set of its sampling. */
export interface AskedPriorSettings extends AskedSettings {
  /** Candidates for each embedding, of which the one most like the text is kept. Default 2. */
  readonly numSamplesPerBatch?: number | undefined;
}

/** The settings of the prior that tell on an embedding, defaults filled in. */
export interface PriorSettings extends NetworkSettings {
  /** Candidates for each embedding, of which the one most like the text is kept. */
  readonly numSamplesPerBatch: number;
}

/** What is allowed of the options of `samplePrior`, and of `sampleDecoder`. */
const CALL_RULES = { sampleCount: count, batchSize: count, previewEvery: count, ...RANDOM_RULES };
const PRIOR_SETTINGS = { ...mapSettings<Rules>((name) => SETTINGS[name].rule), numSamplesPerBatch: count };
const DECODER_SETTINGS = mapSettings<Rules>((name) => oneOrEach(orNull<unknown>(SETTINGS[name].rule)));
const PRIOR_RULES: Rules = { ...CALL_RULES, ...PRIOR_SETTINGS };
const DECODER_RULES: Rules = {
  ...CALL_RULES,
  ...DECODER_SETTINGS,
  startAtUnetNumber: count,
  stopAtUnetNumber: count,
  inpaintResampleTimes: count,
  strength: fraction,
};

/** Scripts that sample both give the names of each call's options a prefix: `priorCondScale`. */
export type Stage = "prior" | "decoder";

/** Options under the names that they have where both are sampled. */
export type Prefixed<S extends Stage, Options> = {
  readonly [Name in keyof Options as Name extends string ? `${S}${Capitalize<Name>}` : never]: Options[Name];
};

/** The options of a stage under their own names. */
export type Unprefixed<S extends Stage, Options> = {
  readonly [Name in keyof Options as Name extends `${S}${infer Own}` ? Uncapitalize<Own> : never]: Options[Name];
};

const STAGE_RULES = { prior: PRIOR_RULES, decoder: DECODER_RULES };

/** `priorCondScale` for `condScale`. */
export function prefixedName(stage: Stage, name: string): string {
  return `${stage}${name.charAt(0).toUpperCase()}${name.slice(1)}`;
}

/** Options of one stage as those of a script that samples both. */
export function prefixed<S extends Stage, Options extends object>(stage: S, options: Options): Prefixed<S, Options> {
  const entries = Object.entries(options).map(([name, value]) => [prefixedName(stage, name), value] as const);
  return Object.fromEntries(entries) as Prefixed<S, Options>;
}

/** The options that a script which samples both has for one stage. */
export function unprefixed<S extends Stage, Options extends object>(
  stage: S,
  options: Options,
): Unprefixed<S, Options> {
  const given = options as Readonly<Record<string, unknown>>;
  const names = Object.keys(STAGE_RULES[stage]).filter((name) => prefixedName(stage, name) in given);
  return Object.fromEntries(names.map((name) => [name, given[prefixedName(stage, name)]])) as Unprefixed<S, Options>;
}

/** What is allowed of the options of all scripts, by their names. */
const SCRIPT_RULES: Rules = {
  ...DECODER_RULES,
  ...prefixed("prior", PRIOR_RULES),
  ...prefixed("decoder", DECODER_RULES),
  resampleTimes: count,
  frames: count,
};

/** Throws `ArgumentError` for a value that cannot be meant, before anything is computed with it. */
export function checkOptions(options: object): void {
  checkArguments(SCRIPT_RULES, options);
}

/** The same for options of the prior alone, whose settings are single values. */
export function checkPriorOptions(options: object): void {
  checkArguments(PRIOR_RULES, options);
}
