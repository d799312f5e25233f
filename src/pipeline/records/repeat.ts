import * as z from "zod/mini";
import { checkValue } from "../../config/config-error.js";
import { MAX_SIDE } from "../canvas.js";
import type { ImageSize } from "../canvas-options.js";
import { TOKENIZATIONS, type Tokenization } from "../script-options.js";
import type { WeightFormat } from "../../tensor/dtype.js";
import type { ImageRecord } from "./image-record.js";
import { recordedSettings, type TwoStageSettings } from "./recorded-settings.js";

/** Options with which `BasicInference` generates the image of a record again, with the seed of the record. */
export interface Repetition {
  readonly text: string;
  readonly negativeText: string | undefined;
  /** Settings of prior and decoder. */
  readonly settings: TwoStageSettings;
  /** Of the image; undefined if its decoder has one size only. */
  readonly size: ImageSize | undefined;
  /** Seed of its image embedding, if it is not the seed of the image. */
  readonly priorSeed: number | undefined;
  readonly tokenization: Tokenization | undefined;
  /** Options for loading the models. */
  readonly loading: {
    readonly dtype: "auto" | "f32";
    readonly weights: WeightFormat;
    readonly computeInF32?: readonly string[];
  };
}

const side = z.int().check(z.positive(), z.maximum(MAX_SIDE));

/** Parameters of `BasicInference` other than settings. */
const otherParameters = z.looseObject({
  text: z.string(),
  negativeText: z.optional(z.string()),
  computedInF32: z.optional(z.array(z.string())),
  size: z.optional(z.object({ width: side, height: side })),
  strength: z.optional(z.number()),
  priorSeed: z.optional(z.int().check(z.nonnegative())),
  tokenization: z.optional(z.enum(TOKENIZATIONS)),
});

/** Returns how to repeat a record of `BasicInference`, or the faults of the record, a sentence for each. */
export function repetitionOf({
  parameters,
  dtype,
  weights = "full",
}: Pick<ImageRecord, "parameters" | "dtype"> & Partial<Pick<ImageRecord, "weights">>):
  | { readonly repetition: Repetition; readonly faults?: never }
  | { readonly repetition?: never; readonly faults: readonly string[] } {
  const others = checkValue(otherParameters, parameters);
  const { settings, faults } = recordedSettings(parameters);
  if (others.faults || faults.length > 0) return { faults: [...(others.faults ?? []), ...faults] };
  const { text, negativeText, computedInF32, priorSeed, tokenization, strength, size } = others.data;
  if (strength !== undefined)
    return { faults: ["it was generated from an initial image, which the record does not hold"] };
  return {
    repetition: {
      text,
      negativeText,
      priorSeed,
      tokenization,
      settings,
      size,
      loading: {
        // Every adapter has f32, but not f16. If f16 is missing, `differences` reports the dtype.
        dtype: dtype === "f32" ? "f32" : "auto",
        weights,
        ...(computedInF32 === undefined ? {} : { computeInF32: computedInF32 }),
      },
    },
  };
}
