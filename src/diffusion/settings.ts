// The sampling settings of networks. A new setting needs only an entry in the interfaces and the table here, and a
// sampler that reads it. The table is used to check arguments, spread lists over U-Nets, find defaults, write and read
// records, and create options of the command line.
import { counted } from "../platform/counted.js";
import { ArgumentError, count, finiteNumber, oneOf, type ArgumentRule } from "../platform/arguments.js";
import { SAMPLER_NAMES, type SamplerName } from "./samplers.js";

/** Settings of a call for one network. Default: the load config's, otherwise the network's. */
export interface AskedSettings {
  /**
   * Guidance scale: how strongly the network follows its conditions. 1 is no guidance. Default: the load config's,
   * otherwise the network's own: 1, unless its reference guides by default as Karlo does.
   */
  readonly condScale?: number | undefined;
  /** Number of sampling steps. Default: the load config's, otherwise the network's own: usually that of training. */
  readonly steps?: number | undefined;
  /** Name of the sampler. Default: as in the reference. DALLE2-pytorch: DDPM for as many steps as in training, DDIM for fewer. */
  readonly sampler?: SamplerName | undefined;
}

/**
 * The same for the networks of a cascade: one value for all, or a list with one for each. null in a list is the
 * default.
 */
export interface CascadeSettings {
  /**
   * Guidance scale: how strongly U-Nets follow their conditions. 1 is no guidance. Default: the load config's,
   * otherwise the network's own: 1, unless its reference guides by default as Karlo does.
   */
  readonly condScale?: number | readonly (number | null)[] | undefined;
  /** Number of sampling steps. Default: the load config's, otherwise the network's own: usually that of training. */
  readonly steps?: number | readonly (number | null)[] | undefined;
  /** Name of the sampler. Default: as in the reference. DALLE2-pytorch: DDPM for as many steps as in training, DDIM for fewer. */
  readonly sampler?: SamplerName | readonly (SamplerName | null)[] | undefined;
}

/** Settings of one network, with defaults. */
export interface NetworkSettings {
  /** Guidance scale; 1 is no guidance. */
  readonly condScale: number;
  /** Sampling steps. */
  readonly steps: number;
  /** Name of the sampler; undefined: what the reference uses for this number of steps. */
  readonly sampler?: SamplerName | undefined;
}

export type SettingName = keyof AskedSettings;

/** A value that JSON and a command line can express. */
export type SettingValue = number | string;

/** A setting of networks. */
export interface Setting<T extends SettingValue = SettingValue> {
  /** Checks the value for one network. */
  readonly rule: ArgumentRule<T>;
  /** The entry of a load config with its default. Without one, the network has a default. */
  readonly configKey: "default_cond_scale" | "default_sample_timesteps" | undefined;
  /**
   * Whether it always has a value, which is then in every record. Otherwise the network may choose it from its other
   * settings.
   */
  readonly isAlwaysSet: boolean;
  readonly commandLine: CommandLineSetting;
}

/** The option of a setting on the command line. */
export interface CommandLineSetting {
  /** Name of the option, after `--` for the decoder and after `--prior-` for the prior. */
  readonly name: string;
  /** Placeholder of the value in the help: for one network, and for each U-Net. */
  readonly placeholders: readonly [one: string, each: string];
  /** Description in the help. */
  readonly what: string;
  /** What one value is, in the help and in messages. */
  readonly unit: string;
  readonly expected: string;
  /** Example of values for each U-Net, for the help. */
  readonly example: string;
  /** Parses a value. */
  readonly parse: (text: string) => unknown;
}

/** Parses a number; NaN if the text is not a number. */
const parseNumber = (text: string): number => (text.trim() === "" ? NaN : Number(text));

/** @internal */
export const SETTINGS = {
  /** Guidance scale; 1 is no guidance. */
  condScale: {
    rule: finiteNumber,
    configKey: "default_cond_scale",
    isAlwaysSet: true,
    commandLine: {
      name: "cond-scale",
      placeholders: ["scale", "scales"],
      what: "guidance scale",
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
  /** Name of the sampler. Default: what the reference of the family uses for this number of steps. */
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

/** Names of the settings, in the order of records. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** A value of any setting. */
type Value = NonNullable<AskedSettings[SettingName]>;

/**
 * The settings of several networks, as lists with a value for each. An optional setting has a list only if a network
 * has a value.
 */
export type ListedSettings = {
  readonly [Name in keyof NetworkSettings]: undefined extends NetworkSettings[Name]
    ? readonly (NonNullable<NetworkSettings[Name]> | null)[] | undefined
    : readonly NetworkSettings[Name][];
};

type Lists = Record<SettingName, readonly (Value | null | undefined)[] | undefined>;

/** Creates an object with an entry for each setting. */
export function mapSettings<T extends Readonly<Partial<Record<SettingName, unknown>>>>(
  entry: (name: SettingName) => T[SettingName],
): T {
  return Object.fromEntries<unknown>(SETTING_NAMES.map((name) => [name, entry(name)] as const)) as T;
}

/** Returns only those properties of an object that are settings. */
export function pickSettings<T extends Readonly<Partial<Record<SettingName, unknown>>>>(from: T): Pick<T, SettingName> {
  return mapSettings<Pick<T, SettingName>>((name) => from[name]);
}

/** Returns the requested settings, with defaults for the others. */
export function withDefaults(asked: AskedSettings, defaults: NetworkSettings): NetworkSettings;
export function withDefaults(asked: AskedSettings, defaults: AskedSettings | undefined): AskedSettings;
export function withDefaults(asked: AskedSettings, defaults: AskedSettings = {}): AskedSettings {
  return mapSettings<AskedSettings>((name) => asked[name] ?? defaults[name]);
}

/** Returns the requested settings of each of `count` networks. Throws `ArgumentError` if a list has another length. */
export function settingsOfEach(settings: CascadeSettings, count: number): readonly AskedSettings[] {
  const lists = mapSettings<Lists>((name) => spread(name, settings[name], count));
  return Array.from({ length: count }, (_, i) => mapSettings<AskedSettings>((name) => lists[name]?.[i] ?? undefined));
}

/** Joins the settings of networks, with a list for each setting. */
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
    advice: "Pass one value for all U-Nets, or one for each.",
  });
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}
