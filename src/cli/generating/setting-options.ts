import { InvalidArgumentError, Option, type Command } from "commander";
import { SETTING_NAMES, SETTINGS, type Setting, type SettingName } from "../../diffusion/settings.js";
import type { DecoderCallOptions, PriorCallOptions } from "../../pipeline/script-options.js";
import { prefixedName, type Prefixed, type Stage } from "../../pipeline/settings.js";
import { ArgumentError } from "../../platform/arguments.js";
import { counted } from "../../platform/counted.js";
import { UsageError } from "../errors.js";

/** How prior and decoder are to sample, as options of scripts. */
export type SamplingOptions = Prefixed<"prior", PriorCallOptions> & Prefixed<"decoder", DecoderCallOptions>;

/** Adds an option for each setting of the prior or of the decoder. */
export function addSettingOptions(command: Command, stage: Stage): Command {
  for (const name of SETTING_NAMES) command.addOption(optionOf(stage, SETTINGS[name]));
  return command;
}

/** The settings among the flags of a command; those that were not given are left out. */
export function settingsIn(flags: object): SamplingOptions {
  const given = flags as Readonly<Record<string, unknown>>;
  const settings: Record<string, unknown> = {};
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

/** Throws `UsageError` where a setting of the decoder has neither one value nor one for each U-Net. */
export function checkPerUnet(options: SamplingOptions, unets: number): void {
  const given = options as Readonly<Record<string, unknown>>;
  for (const name of SETTING_NAMES) {
    const value = given[prefixedName("decoder", name)];
    if (!Array.isArray(value) || value.length === unets) continue;
    const { unit } = SETTINGS[name].commandLine;
    const option = settingFlag("decoder", name);
    throw new UsageError(
      `${option} has ${counted(value.length, unit)}, and the decoder ${counted(unets, "U-Net")}: give one, or one for each.`,
    );
  }
}

function optionOf(stage: Stage, setting: Setting): Option {
  const { name, placeholders, what, unit, example } = setting.commandLine;
  if (stage === "prior") {
    const option = new Option(`--prior-${name} <${placeholders[0]}>`, `${what} of the prior (default: the model's)`);
    return option.argParser((text) => parseValue(setting, text));
  }
  const help = `${what} of the decoder: one ${unit}, or one for each U-Net: ${example}`;
  return new Option(`--${name} <${placeholders[1]}>`, help).argParser((text) => parseEach(setting, text));
}

/** One value stands for all U-Nets; several have commas between them. */
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
