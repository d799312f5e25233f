import { SETTING_NAMES, SETTINGS, type CascadeSettings } from "../../diffusion/settings.js";
import type { CascadeCall } from "../../models/interfaces.js";
import { ArgumentError, count, exactWholeNumber, list, orNull, type ArgumentRule } from "../../platform/arguments.js";
import { prefixedName, type AskedPriorSettings, type Prefixed, type Stage } from "../settings.js";

/** Settings of scripts that sample prior and decoder. */
export type TwoStageSettings = Prefixed<"prior", AskedPriorSettings> &
  Prefixed<"decoder", CascadeSettings & Pick<CascadeCall, "noiseLevel">>;

/** Returns the settings in the parameters of a record, and their faults, a sentence for each. */
export function recordedSettings(parameters: Readonly<Record<string, unknown>>): {
  readonly settings: TwoStageSettings;
  readonly faults: readonly string[];
} {
  const settings: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const { name, rule, isRequired } of RECORDED) {
    const value = parameters[name];
    if (value === undefined) {
      if (isRequired) faults.push(`${name} is missing.`);
      continue;
    }
    try {
      settings[name] = rule(name, value);
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      faults.push(error.message);
    }
  }
  return { settings, faults };
}

interface Recorded {
  /** Name of the parameter. */
  readonly name: string;
  readonly rule: ArgumentRule<unknown>;
  readonly isRequired: boolean;
}

const RECORDED: readonly Recorded[] = [
  ...recordedOf("prior", (rule) => rule),
  // Earlier versions did not read it, and repeated images with the default.
  { name: prefixedName("prior", "numSamplesPerBatch"), rule: count, isRequired: false },
  ...recordedOf("decoder", (rule) => list(orNull(rule))),
  { name: prefixedName("decoder", "noiseLevel"), rule: exactWholeNumber, isRequired: false },
];

function recordedOf(stage: Stage, ofStage: (rule: ArgumentRule<unknown>) => ArgumentRule<unknown>): Recorded[] {
  return SETTING_NAMES.map((setting) => {
    const { rule, isAlwaysSet } = SETTINGS[setting];
    return { name: prefixedName(stage, setting), rule: ofStage(rule), isRequired: isAlwaysSet };
  });
}
