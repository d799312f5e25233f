// What a caller can set of how networks sample. A new setting is an entry in the interfaces and the table here, and the
// sampler that reads it: arguments are checked, lists are spread over U-Nets, defaults are found, records are written and
// read, and options of the command line are made from this table.
import { counted } from "../platform/counted.js";
import { ArgumentError, count, finiteNumber, oneOf, type ArgumentRule } from "../platform/arguments.js";
import { SAMPLER_NAMES, type SamplerName } from "./samplers.js";

/** Settings that a call gives one network; default: that of the load config, else the network's own. */
export interface AskedSettings {
  /** Guidance scale: how strongly the network follows its conditions. 1 is no guidance. Default: the load config's, else 1. */
  readonly condScale?: number | undefined;
  /** Sampling steps. Default: the load config's, else those of training. */
  readonly steps?: number | undefined;
  /** Sampler, by its name. Default: what the reference does, DDPM for as many steps as in training and DDIM for fewer. */
  readonly sampler?: SamplerName | undefined;
}

/** The same for the networks of a cascade: one value for all, or one for each, of which null is the default. */
export interface CascadeSettings {
  /** Guidance scale: how strongly U-Nets follow their conditions. 1 is no guidance. Default: the load config's, else 1. */
  readonly condScale?: number | readonly (number | null)[] | undefined;
  /** Sampling steps. Default: the load config's, else those of training. */
  readonly steps?: number | readonly (number | null)[] | undefined;
  /** Sampler, by its name. Default: what the reference does, DDPM for as many steps as in training and DDIM for fewer. */
  readonly sampler?: SamplerName | readonly (SamplerName | null)[] | undefined;
}

/** Settings of one network, defaults filled in. */
export interface NetworkSettings {
  /** Guidance scale; 1 is no guidance. */
  readonly condScale: number;
  /** Sampling steps. */
  readonly steps: number;
  /** Sampler, by its name; undefined: what the reference does for that number of steps. */
  readonly sampler?: SamplerName | undefined;
}

export type SettingName = keyof AskedSettings;

/** A value that JSON and a command line can say. */
export type SettingValue = number | string;

/** A setting, whatever networks it is for. */
export interface Setting<T extends SettingValue = SettingValue> {
  /** What it may be for one network. */
  readonly rule: ArgumentRule<T>;
  /** The entry of a load config that says its default; without one, the network knows it. */
  readonly configKey: "default_cond_scale" | "default_sample_timesteps" | undefined;
  /** Whether it has a value in the end, which every record has; otherwise the network may choose by its other settings. */
  readonly isAlwaysSet: boolean;
  readonly commandLine: CommandLineSetting;
}

/** How a setting is written at a command line. */
export interface CommandLineSetting {
  /** Its option's name, behind `--` for the decoder and `--prior-` for the prior. */
  readonly name: string;
  /** What stands for the value in the help: for one network, and for each U-Net. */
  readonly placeholders: readonly [one: string, each: string];
  /** What it is, in the help. */
  readonly what: string;
  /** What one value is in the help, and what a wrong one is not: "It is not a number." */
  readonly unit: string;
  readonly expected: string;
  /** Values for each U-Net, as the help shows them. */
  readonly example: string;
  /** A value from its text. */
  readonly parse: (text: string) => unknown;
}

/** A number; none for a text without one. */
const parseNumber = (text: string): number => (text.trim() === "" ? NaN : Number(text));

/** @internal */
export const SETTINGS = {
  /** Strength of guidance; 1 is none. */
  condScale: {
    rule: finiteNumber,
    configKey: "default_cond_scale",
    isAlwaysSet: true,
    commandLine: {
      name: "cond-scale",
      placeholders: ["scale", "scales"],
      what: "guidance",
      unit: "number",
      expected: "a number",
      example: "2,1",
      parse: parseNumber,
    },
  },
  /** Number of sampling steps. */
  steps: {
    rule: count,
    configKey: "default_sample_timesteps",
    isAlwaysSet: true,
    commandLine: {
      name: "steps",
      placeholders: ["n", "n"],
      what: "sampling steps",
      unit: "number",
      expected: "a whole number of at least 1",
      example: "24,12",
      parse: parseNumber,
    },
  },
  /** Sampler by its name; where nobody says it, the family does what its reference did for that number of steps. */
  sampler: {
    rule: oneOf(...SAMPLER_NAMES),
    configKey: undefined,
    isAlwaysSet: false,
    commandLine: {
      name: "sampler",
      placeholders: ["name", "names"],
      what: `sampler (${SAMPLER_NAMES.join(", ")})`,
      unit: "name",
      expected: `one of ${SAMPLER_NAMES.join(", ")}`,
      example: "ddim,dpmpp2m",
      parse: (text) => text.trim(),
    },
  },
} as const satisfies { readonly [Name in SettingName]: Setting<NonNullable<AskedSettings[Name]>> };

/** Their names, in the order of records. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** A value of any setting. */
type Value = NonNullable<AskedSettings[SettingName]>;

/** The settings of several networks, with a value for each; of those that may be left open, where any network has one. */
export type ListedSettings = {
  readonly [Name in keyof NetworkSettings]: undefined extends NetworkSettings[Name]
    ? readonly (NonNullable<NetworkSettings[Name]> | null)[] | undefined
    : readonly NetworkSettings[Name][];
};

type Lists = Record<SettingName, readonly (Value | null | undefined)[] | undefined>;

/** An object with an entry for each setting. */
export function mapSettings<T extends Readonly<Partial<Record<SettingName, unknown>>>>(
  entry: (name: SettingName) => T[SettingName],
): T {
  return Object.fromEntries<unknown>(SETTING_NAMES.map((name) => [name, entry(name)] as const)) as T;
}

/** The settings among the properties of anything, and nothing else of it. */
export function pickSettings<T extends Readonly<Partial<Record<SettingName, unknown>>>>(from: T): Pick<T, SettingName> {
  return mapSettings<Pick<T, SettingName>>((name) => from[name]);
}

/** What is asked for, and of what is not, the default. */
export function withDefaults(asked: AskedSettings, defaults: NetworkSettings): NetworkSettings;
export function withDefaults(asked: AskedSettings, defaults: AskedSettings | undefined): AskedSettings;
export function withDefaults(asked: AskedSettings, defaults: AskedSettings = {}): AskedSettings {
  return mapSettings<AskedSettings>((name) => asked[name] ?? defaults[name]);
}

/** What each of `count` networks is asked for. Throws `ArgumentError` where a setting has a list of another length. */
export function settingsOfEach(settings: CascadeSettings, count: number): readonly AskedSettings[] {
  const lists = mapSettings<Lists>((name) => spread(name, settings[name], count));
  return Array.from({ length: count }, (_, i) => mapSettings<AskedSettings>((name) => lists[name]?.[i] ?? undefined));
}

/** The settings of networks as one, with a list for each setting. */
export function joinSettings(each: readonly NetworkSettings[]): ListedSettings {
  return mapSettings<Lists>((name) => {
    const values = each.map((one) => one[name]);
    return values.every((value) => value === undefined) ? undefined : values.map((value) => value ?? null);
  }) as ListedSettings;
}

function spread(name: SettingName, value: CascadeSettings[SettingName], count: number): Lists[SettingName] {
  if (!isList<Value | null | undefined>(value)) return new Array<Value | null | undefined>(count).fill(value);
  if (value.length === count) return value;
  throw new ArgumentError(name, `${name} has ${counted(value.length, "value")} for ${counted(count, "U-Net")}.`, {
    code: "argument/mismatch",
    advice: "Pass one value for all, or one for each.",
  });
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
