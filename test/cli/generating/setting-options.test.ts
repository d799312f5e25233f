import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addSettingOptions, checkPerUnet, settingsIn } from "../../../src/cli/generating/setting-options.js";
import { UsageError } from "../../../src/cli/errors.js";
import { SAMPLER_NAMES } from "../../../src/diffusion/samplers.js";
import { SETTING_NAMES } from "../../../src/diffusion/settings.js";

/** The settings in the arguments of a command. */
function settings(...args: readonly string[]): ReturnType<typeof settingsIn> {
  const silent = { writeErr: () => undefined };
  const command = addSettingOptions(addSettingOptions(new Command(), "decoder"), "prior");
  command.exitOverride().configureOutput(silent).parse(args, { from: "user" });
  return settingsIn(command.opts());
}

describe("settings of a command", () => {
  it("become options of scripts if they were given", () => {
    expect(settings()).toEqual({});
    expect(settings("--steps", "24", "--prior-cond-scale", "1.5")).toEqual({
      decoderSteps: 24,
      priorCondScale: 1.5,
    });
    expect(settings("--steps", "24,12", "--cond-scale", "2,1", "--prior-steps", "16")).toEqual({
      decoderSteps: [24, 12],
      decoderCondScale: [2, 1],
      priorSteps: 16,
    });
  });

  it("name one sampler for all U-Nets, or one for each", () => {
    expect(settings("--sampler", "dpmpp2m", "--prior-sampler", "ddpm")).toEqual({
      decoderSampler: "dpmpp2m",
      priorSampler: "ddpm",
    });
    expect(settings("--sampler", "ddim,dpmpp2m")).toEqual({ decoderSampler: ["ddim", "dpmpp2m"] });
    expect(() => settings("--sampler", "unheard-of")).toThrow(`It is not one of ${SAMPLER_NAMES.join(", ")}.`);
  });

  it("have one option for the decoder and one for the prior", () => {
    const command = addSettingOptions(addSettingOptions(new Command(), "decoder"), "prior");
    expect(command.options).toHaveLength(2 * SETTING_NAMES.length);
    const help = command.helpInformation().replace(/\s+/g, " ");
    expect(help).toContain(
      "--cond-scale <scales> guidance scale of the decoder: one number, or one per U-Net, such as 2,1 " +
        "--steps <n> sampling steps of the decoder: one number, or one per U-Net, such as 24,12",
    );
    expect(help).toContain(
      "--prior-cond-scale <scale> guidance scale of the prior (default: the model's) " +
        "--prior-steps <n> sampling steps of the prior (default: the model's)",
    );
  });

  it.each([
    ["--cond-scale", ["NaN", "Infinity", "1e999", "", "x", "1,NaN", "1,", "1,1e999"], "It is not a number."],
    ["--prior-cond-scale", ["NaN", "", "x", "1,2"], "It is not a number."],
    ["--steps", ["0", "1.5", "-1", "1e300", "1,0", "NaN,1"], "It is not a whole number of at least 1."],
    ["--prior-steps", ["0", "2,1"], "It is not a whole number of at least 1."],
  ])("%s refuses invalid values", (option, values, complaint) => {
    for (const value of values) expect(() => settings(option, value), value).toThrow(complaint);
  });

  it("have one value for all U-Nets, or one for each", () => {
    checkPerUnet({ decoderSteps: 3, decoderCondScale: [1, 2], priorSteps: 4 }, 2);
    const check = () => {
      checkPerUnet({ decoderSteps: [1, 2, 3] }, 2);
    };
    expect(check).toThrow(UsageError);
    expect(check).toThrow("--steps has 3 numbers, but the decoder has 2 U-Nets: give one value, or one per U-Net.");
  });
});
