import { z } from "zod";
import type { DrawingFlags, PriorFlags } from "./drawing-options.js";
import { UsageError } from "./errors.js";
import { readRecord, type DrawnOn, type PictureRecord } from "./picture-record.js";

/** Parameters of `BasicInference` that have a flag. */
const dreamParameters = z.looseObject({
  text: z.string(),
  priorCondScale: z.number(),
  priorTimesteps: z.int().positive(),
  decoderCondScale: z.array(z.number()),
  decoderTimesteps: z.array(z.int().positive()),
});

/** What a record says in the flags of `dalle2 dream`. */
export type RepeatedFlags = { readonly prompt: readonly string[] } & Pick<
  DrawingFlags & PriorFlags,
  "seed" | "priorCondScale" | "priorSteps" | "condScale" | "steps" | "modelConfig" | "dtype"
>;

/** The record in a picture file. Throws `UsageError` where there is none, or none of a picture that `dream` can repeat. */
export async function recordToRepeat(file: string): Promise<PictureRecord> {
  const { record } = await readRecord(file);
  if (!record) {
    throw new UsageError(
      `${file}: there is no record of how it was drawn; dalle2 has not written it, or another program has dropped it.`,
    );
  }
  const { script } = record.parameters;
  if (script !== "BasicInference") {
    throw new UsageError(
      `${file}: it was drawn by ${script} from ${Object.values(record.inputs).join(", ")}, not by dream.`,
    );
  }
  return record;
}

/** Flags that draw the picture of a record again. */
export function flagsOf({ seed, parameters, model, dtype }: PictureRecord): RepeatedFlags {
  const { text, priorCondScale, priorTimesteps, decoderCondScale, decoderTimesteps } =
    dreamParameters.parse(parameters);
  return {
    prompt: [text],
    seed,
    priorCondScale,
    priorSteps: priorTimesteps,
    condScale: decoderCondScale,
    steps: decoderTimesteps,
    // Every adapter has f32, not all have f16: where it is missing, a warning says that the type differs.
    dtype: dtype === "f32" ? "f32" : "auto",
    ...(model.config === undefined ? {} : { modelConfig: model.config }),
  };
}

/** Why a picture may not be the recorded one to ±1: a sentence for each thing that differs. */
export function differences(record: PictureRecord, now: DrawnOn): string[] {
  const then = { ...record, model: modelText(record) };
  const here = { ...now, model: modelText(now) };
  const names = { software: "software", model: "model files", adapter: "adapter", dtype: "dtype", tuning: "tuning" };
  return (Object.keys(names) as (keyof typeof names)[])
    .filter((key) => then[key] !== here[key])
    .map(
      (key) =>
        `Warning: the picture was drawn with another ${names[key]} (${then[key]}; here ${here[key]}): it may look different.`,
    );
}

function modelText({ model }: Pick<DrawnOn, "model">): string {
  return model.files
    .map(({ name, bytes, fingerprint }) => `${name}, ${bytes} bytes, ${fingerprint.slice(0, 12)}`)
    .join("; ");
}
