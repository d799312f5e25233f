import { z } from "zod";
import { checkValue } from "../../config/config-error.js";
import { TOKENIZATIONS, type Tokenization } from "../script-options.js";
import type { ImageRecord } from "./image-record.js";
import { recordedSettings, type TwoStageSettings } from "./recorded-settings.js";

/** How `BasicInference` draws the image of a record again, with the seed of the record. */
export interface Repetition {
  readonly text: string;
  readonly negativeText: string | undefined;
  /** How prior and decoder sample. */
  readonly settings: TwoStageSettings;
  /** Seed of its image embedding, where that is not the image's own. */
  readonly priorSeed: number | undefined;
  readonly tokenization: Tokenization | undefined;
  /** How its models are loaded. */
  readonly loading: { readonly dtype: "auto" | "f32"; readonly computeInF32?: readonly string[] };
}

/** Parameters of `BasicInference` beside its settings. */
const otherParameters = z.looseObject({
  text: z.string(),
  negativeText: z.string().optional(),
  computedInF32: z.array(z.string()).optional(),
  priorSeed: z.int().nonnegative().optional(),
  tokenization: z.enum(TOKENIZATIONS).optional(),
});

/** How to draw the image of a record of `BasicInference` again; or the faults of the record, a sentence each. */
export function repetitionOf({
  parameters,
  dtype,
}: Pick<ImageRecord, "parameters" | "dtype">):
  | { readonly repetition: Repetition; readonly faults?: never }
  | { readonly repetition?: never; readonly faults: readonly string[] } {
  const others = checkValue(otherParameters, parameters);
  const { settings, faults } = recordedSettings(parameters);
  if (others.faults || faults.length > 0) return { faults: [...(others.faults ?? []), ...faults] };
  const { text, negativeText, computedInF32, priorSeed, tokenization } = others.data;
  return {
    repetition: {
      text,
      negativeText,
      priorSeed,
      tokenization,
      settings,
      loading: {
        // Every adapter has f32, not all have f16: where it is missing, `differences` says that the type differs.
        dtype: dtype === "f32" ? "f32" : "auto",
        ...(computedInF32 === undefined ? {} : { computeInF32: computedInF32 }),
      },
    },
  };
}
