import { describe, expect, it } from "vitest";
import { SAMPLER_NAMES } from "../../../src/diffusion/samplers.js";
import { SETTING_NAMES, SETTINGS, type Setting, type SettingName } from "../../../src/diffusion/settings.js";
import { repetitionOf } from "../../../src/pipeline/records/repeat.js";
import { prefixedName } from "../../../src/pipeline/settings.js";

const settings = {
  priorCondScale: 1,
  priorSteps: 2,
  decoderCondScale: [2, 1],
  decoderSteps: [3, 4],
};
const parameters = { script: "BasicInference", text: "a ring", ...settings };

describe("a record", () => {
  it("says how its image is generated again", () => {
    const more = {
      negativeText: "a square",
      priorNumSamplesPerBatch: 5,
      computedInF32: ["U-Net 2"],
      priorSeed: 7,
      tokenization: "dalle2-laion",
    };
    expect(repetitionOf({ parameters: { ...parameters, ...more }, dtype: "f16", weights: "int8" }).repetition).toEqual({
      text: "a ring",
      negativeText: "a square",
      priorSeed: 7,
      tokenization: "dalle2-laion",
      settings: { ...settings, priorNumSamplesPerBatch: 5 },
      loading: { dtype: "auto", weights: "int8", computeInF32: ["U-Net 2"] },
    });
    expect(repetitionOf({ parameters, dtype: "f32" }).repetition).toEqual({
      text: "a ring",
      negativeText: undefined,
      settings,
      loading: { dtype: "f32", weights: "full" },
    });
  });

  it("may have samplers of all networks, or of some", () => {
    const samplers = { priorSampler: "ddpm", decoderSampler: ["dpmpp2m", null] };
    const { repetition } = repetitionOf({ parameters: { ...parameters, ...samplers }, dtype: "f32" });
    expect(repetition?.settings).toEqual({ ...settings, ...samplers });
    const { faults } = repetitionOf({ parameters: { ...parameters, decoderSampler: ["unheard-of"] }, dtype: "f32" });
    const names = SAMPLER_NAMES.map((name) => `"${name}"`).join(" or ");
    expect(faults).toEqual([`decoderSampler[0] must be ${names}, not "unheard-of".`]);
  });

  it("may have the level of noise on its image embedding", () => {
    const { repetition } = repetitionOf({ parameters: { ...parameters, decoderNoiseLevel: 0 }, dtype: "f32" });
    expect(repetition?.settings.decoderNoiseLevel).toBe(0);
    const { faults } = repetitionOf({ parameters: { ...parameters, decoderNoiseLevel: -1 }, dtype: "f32" });
    expect(faults).toHaveLength(1);
  });

  it("lists every parameter that is missing or invalid", () => {
    const damaged = { ...parameters, text: 3, decoderSteps: [3, 0], priorCondScale: undefined };
    expect(repetitionOf({ parameters: damaged, dtype: "f32" }).faults).toEqual([
      "text: expected a string, found 3",
      "priorCondScale is missing.",
      "decoderSteps[1] must be a whole number of at least 1, not 0.",
    ]);
    expect(repetitionOf({ parameters: { ...parameters, decoderSteps: 3 }, dtype: "f32" }).faults).toEqual([
      "decoderSteps must be a list, not 3.",
    ]);
  });

  it("must have the settings that every record has", () => {
    const table: Readonly<Record<SettingName, Setting>> = SETTINGS;
    for (const name of SETTING_NAMES.filter((one) => table[one].isAlwaysSet)) {
      for (const stage of ["prior", "decoder"] as const) {
        const missing = prefixedName(stage, name);
        const without = { ...parameters, [missing]: undefined };
        expect(repetitionOf({ parameters: without, dtype: "f32" }).faults).toEqual([`${missing} is missing.`]);
      }
    }
  });
});
