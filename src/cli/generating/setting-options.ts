import { InvalidArgumentError, Option, type Command } from "commander";
import { SETTING_NAMES, SETTINGS, type Setting, type SettingName } from "../../diffusion/settings.js";
import type { CanvasOptions } from "../../pipeline/canvas-options.js";
import type { DecoderCallOptions, PriorCallOptions } from "../../pipeline/script-options.js";
import { prefixedName, type Prefixed, type Stage } from "../../pipeline/settings.js";
import { ArgumentError, exactWholeNumber } from "../../platform/arguments.js";
import { counted } from "../../platform/counted.js";
import { UsageError } from "../errors.js";
import { readByRule } from "../option-values.js";

/** Sampling options of prior and decoder, as scripts take them. */
export type SamplingOptions = Prefixed<"prior", PriorCallOptions> &
  Prefixed<"decoder", DecoderCallOptions> &
  Pick<CanvasOptions, "size">;

/** The option of commands whose decoder may take noise on image embeddings. */
export interface NoiseFlags {
  readonly noiseLevel?: number;
}

/** Adds the option of `NoiseFlags`. */
export function addNoiseLevelOption(command: Command): Command {
  return command.option(
    "--noise-level <n>",
    "noise on image embeddings, 0 to 999; more makes images less like them; only for Stable unCLIP (default: 0)",
    (text) => readByRule(exactWholeNumber, text, "It is not a whole number of at least 0."),
  );
}

/** Adds an option for each setting of the prior or of the decoder. */
export function addSettingOptions(command: Command, stage: Stage): Command {
  for (const name of SETTING_NAMES) command.addOption(optionOf(stage, SETTINGS[name]));
  return command;
}

/** The settings in the flags of a command, without those that were not given. */
export function settingsIn(flags: object): SamplingOptions {
  const given = flags as Readonly<Record<string, unknown>>;
  const settings: Record<string, unknown> = {};
  if (given.noiseLevel !== undefined) settings.decoderNoiseLevel = given.noiseLevel;
  for (const stage of ["prior", "decoder"] as const) {
    for (const name of SETTING_NAMES) {
      const value = given[optionOf(stage, SETTINGS[name]).attributeName()];
      if (value !== undefined) settings[prefixedName(stage, name)] = value;
    }
  }
  return settings;
}

/** The flag of a setting. */
export function settingFlag(stage: Stage, name: SettingName): string {
  return optionOf(stage, SETTINGS[name]).long!;
}

/** Throws `UsageError` if a decoder setting has neither one value nor one per U-Net. */
export function checkPerUnet(options: SamplingOptions, unets: number): void {
  const given = options as Readonly<Record<string, unknown>>;
  for (const name of SETTING_NAMES) {
    const value = given[prefixedName("decoder", name)];
    if (!Array.isArray(value) || value.length === unets) continue;
    const { unit } = SETTINGS[name].commandLine;
    const option = settingFlag("decoder", name);
    throw new UsageError(
      `${option} has ${counted(value.length, unit)}, but the decoder has ${counted(unets, "U-Net")}: give one value, or one per U-Net.`,
    );
  }
}

function optionOf(stage: Stage, setting: Setting): Option {
  const { name, placeholders, what, unit, example } = setting.commandLine;
  if (stage === "prior") {
    const option = new Option(`--prior-${name} <${placeholders[0]}>`, `${what} of the prior (default: the model's)`);
    return option.argParser((text) => parseValue(setting, text));
  }
  const help = `${what} of the decoder: one ${unit}, or one per U-Net, such as ${example}`;
  return new Option(`--${name} <${placeholders[1]}>`, help).argParser((text) => parseEach(setting, text));
}

/** Reads one value for all U-Nets, or several separated by commas. */
function parseEach(setting: Setting, text: string): unknown {
  const values = text.split(",").map((part) => parseValue(setting, part));
  return values.length === 1 ? values[0] : values;
}

function parseValue({ rule, commandLine }: Setting, text: string): unknown {
  try {
    return rule(commandLine.name, commandLine.parse(text));
  } catch (error) {
    if (error instanceof ArgumentError) throw new InvalidArgumentError(`It is not ${commandLine.expected}.`);
    throw error;
  }
}
