import { describe, expect, it } from "vitest";
import { inFlags } from "../../src/cli/flag-names.js";
import { UsageError } from "../../src/cli/errors.js";
import { SETTING_NAMES, SETTINGS } from "../../src/diffusion/settings.js";
import { PRIOR_NAME } from "../../src/models/component.js";
import { prefixedName } from "../../src/pipeline/settings.js";
import { ArgumentError } from "../../src/platform/arguments.js";

/** A message of the library, as the command prints it. */
function said(argument: string, message: string, component?: string): string {
  const error = new ArgumentError(argument, message).locate({ component });
  return inFlags(error, error.message);
}

describe("messages of the library", () => {
  it.each(SETTING_NAMES)("name the flags of %s", (name) => {
    const { name: flag } = SETTINGS[name].commandLine;
    expect(said(name, `${name} must be less.`)).toBe(`--${flag} must be less.`);
    expect(said(name, `${name} must be less.`, PRIOR_NAME)).toBe(`--prior-${flag} must be less.`);
    for (const [stage, prefix] of [
      ["prior", "--prior-"],
      ["decoder", "--"],
    ] as const) {
      const own = prefixedName(stage, name);
      expect(said(own, `${own} must be less than ${own}.`)).toBe(
        `${prefix}${flag} must be less than ${prefix}${flag}.`,
      );
    }
  });

  it("name the flags of other options, anywhere in the message", () => {
    expect(said("negativeText", "negativeText needs a condScale other than 1.")).toBe(
      "--negative-prompt needs a --cond-scale other than 1.",
    );
    expect(said("decoderNoiseLevel", "decoderNoiseLevel must be less.")).toBe("--noise-level must be less.");
    expect(said("size", "The size is fixed: leave size out.")).toBe("The size is fixed: leave --size out.");
    expect(said("hint", "hint would give two sizes: pass size, one for all.")).toBe(
      "--hint would give two sizes: pass --size, one for all.",
    );
    expect(said("priorNumSamplesPerBatch", "priorNumSamplesPerBatch must be less.")).toBe("--candidates must be less.");
  });

  it("keep ordinary words, names without a flag, and texts of users", () => {
    expect(said("steps", "It takes more steps.")).toBe("It takes more steps.");
    expect(said("size", "U-Nets take no size: leave it out.")).toBe("U-Nets take no size: leave it out.");
    expect(said("imageEmbed", "imageEmbed is missing.")).toBe("imageEmbed is missing.");
    const error = new UsageError("condScale.txt: there is no such file.");
    expect(inFlags(error, error.message)).toBe(error.message);
  });
});
