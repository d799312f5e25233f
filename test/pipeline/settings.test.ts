import { describe, expect, expectTypeOf, it } from "vitest";
import { SETTING_NAMES } from "../../src/diffusion/settings.js";
import {
  checkOptions,
  checkPriorOptions,
  prefixed,
  prefixedName,
  unprefixed,
  type Prefixed,
} from "../../src/pipeline/settings.js";
import type { CanvasOptions } from "../../src/pipeline/canvas-options.js";
import type {
  CallOptions,
  DecoderCallOptions,
  PriorCallOptions,
  TwoStageOptions,
} from "../../src/pipeline/script-options.js";
import { ArgumentError } from "../../src/platform/arguments.js";

describe("options of scripts that sample prior and decoder", () => {
  const options = {
    priorCondScale: 2,
    priorBatchSize: 5,
    priorNumSamplesPerBatch: 3,
    decoderCondScale: [3, 1],
    decoderSteps: undefined,
    signal: undefined,
    // These begin with the prefix, but are no options of a call.
    priorGoal: "none",
  };

  it("are all options of both", () => {
    type Stages = Prefixed<"prior", PriorCallOptions> & Prefixed<"decoder", DecoderCallOptions>;
    expectTypeOf<
      Pick<TwoStageOptions, Exclude<keyof TwoStageOptions, keyof (CallOptions & CanvasOptions)>>
    >().branded.toEqualTypeOf<{
      readonly [Name in keyof Stages]?: Stages[Name];
    }>();
  });

  it("are the options of each without its prefix", () => {
    expect(unprefixed("prior", options)).toEqual({ condScale: 2, batchSize: 5, numSamplesPerBatch: 3 });
    expect(unprefixed("decoder", options)).toEqual({ condScale: [3, 1], steps: undefined });
  });

  it("get the prefix back", () => {
    expect(prefixed("decoder", { condScale: [3, 1], steps: 4 })).toEqual({
      decoderCondScale: [3, 1],
      decoderSteps: 4,
    });
  });
});

it("has a rule for every setting under each of its names", () => {
  for (const name of SETTING_NAMES) {
    for (const known of [name, prefixedName("prior", name), prefixedName("decoder", name)]) {
      const check = () => {
        checkOptions({ [known]: {} });
      };
      expect(check, known).toThrow(ArgumentError);
      expect(check).toThrow(new RegExp(`^${known} must be `));
    }
    expect(() => {
      checkPriorOptions({ [name]: [1] });
    }, name).toThrow(ArgumentError);
    checkOptions({ [name]: [null, null] });
  }
});
