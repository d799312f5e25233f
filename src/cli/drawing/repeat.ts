import { z } from "zod";
import { checkValue } from "../../config/config-error.js";
import { SAMPLER_NAMES } from "../../diffusion/sampler.js";
import { isUrl } from "../../files/open.js";
import type { DrawingFlags, NegativeFlags, PriorFlags } from "./options.js";
import { UsageError } from "../errors.js";
import { readRecord, type DrawnOn, type PictureRecord } from "./picture-record.js";

/** Parameters of `BasicInference` that have a flag. */
const dreamParameters = z.looseObject({
  text: z.string(),
  negativeText: z.string().optional(),
  priorCondScale: z.number(),
  priorTimesteps: z.int().positive(),
  priorSampler: z.enum(SAMPLER_NAMES).optional(),
  decoderCondScale: z.array(z.number()),
  decoderTimesteps: z.array(z.int().positive()),
  decoderSampler: z.enum(SAMPLER_NAMES).optional(),
  computedInF32: z.array(z.string()).optional(),
});

/** What a record says in the flags of `dalle2 dream`. */
export type RepeatedFlags = { readonly prompt: readonly string[] } & Pick<
  DrawingFlags & PriorFlags & NegativeFlags,
  | "negativePrompt"
  | "seed"
  | "priorCondScale"
  | "priorSteps"
  | "priorSampler"
  | "condScale"
  | "steps"
  | "sampler"
  | "modelConfig"
  | "dtype"
  | "computeInF32"
>;

/** The record in a picture file. Rejects with `UsageError` where there is none, or none that `dream` can repeat. */
export async function recordToRepeat(file: string): Promise<PictureRecord> {
  const { record } = await readRecord(file);
  if (!record) {
    throw new UsageError(
      `${file}: there is no record of how it was drawn; dalle2 has not written it, or another program has dropped it.`,
    );
  }
  const { script } = record.parameters;
  if (script !== "BasicInference") {
    const inputs = Object.values(record.inputs).join(", ");
    throw new UsageError(`${file}: it was drawn by ${script} from ${inputs}, not by dream.`);
  }
  return record;
}

/** Flags that draw the picture of a record again. Throws `UsageError` where it lacks what they take. */
export function flagsOf(record: PictureRecord, modelConfig = recordedConfig(record)): RepeatedFlags {
  const { seed, parameters, dtype } = record;
  const { data, faults } = checkValue(dreamParameters, parameters);
  if (faults) throw new UsageError(`The record cannot be repeated: ${faults.join("; ")}`);
  const { text, negativeText, priorCondScale, priorTimesteps, decoderCondScale, decoderTimesteps, computedInF32 } =
    data;
  const { priorSampler, decoderSampler } = data;
  return {
    prompt: [text],
    seed,
    priorCondScale,
    priorSteps: priorTimesteps,
    condScale: decoderCondScale,
    steps: decoderTimesteps,
    // Every adapter has f32, not all have f16: where it is missing, a warning says that the type differs.
    dtype: dtype === "f32" ? "f32" : "auto",
    ...(priorSampler === undefined ? {} : { priorSampler }),
    ...(decoderSampler === undefined ? {} : { sampler: decoderSampler }),
    ...(computedInF32 === undefined ? {} : { computeInF32: computedInF32 }),
    ...(negativeText === undefined ? {} : { negativePrompt: negativeText }),
    ...(modelConfig === undefined ? {} : { modelConfig }),
  };
}

/** The load config that a record names. Whoever made the picture must not choose what is fetched. */
function recordedConfig({ model: { config } }: PictureRecord): string | undefined {
  if (config === undefined || !isUrl(config)) return config;
  throw new UsageError(`The load config of the picture is ${config}: if you trust it, give it as --model-config.`);
}

const COMPARED = { software: "software", model: "model files", adapter: "adapter", dtype: "dtype", tuning: "tuning" };

/** Why a picture may not be the recorded one to ±1: a sentence for each thing that differs. */
export function differences(record: PictureRecord, now: DrawnOn): string[] {
  const then = { ...record, model: modelText(record) };
  const here = { ...now, model: modelText(now) };
  return (Object.keys(COMPARED) as (keyof typeof COMPARED)[])
    .filter((key) => then[key] !== here[key])
    .map((key) => `another ${COMPARED[key]} (${then[key]}; here ${here[key]})`)
    .map((difference) => `Warning: the picture was drawn with ${difference}: it may look different.`);
}

function modelText({ model }: Pick<DrawnOn, "model">): string {
  return model.files
    .map(({ name, bytes, fingerprint }) => `${name}, ${bytes} bytes, ${fingerprint.slice(0, 12)}`)
    .join("; ");
}
