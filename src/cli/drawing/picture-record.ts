import { z } from "zod";
import { readBytes } from "#platform";
import { checkValue } from "../../config/config-error.js";
import { readImageText } from "../../image/encode.js";
import type { ImageText } from "../../image/png-text.js";
import { FileError } from "../../platform/errors.js";
import { JsonError, parseJson } from "../../platform/json.js";
import { MAX_BYTES } from "../../platform/limits.js";
import { hideKnown, publicUrl } from "../../platform/secrets.js";

/** The text of a picture file that holds its record, as JSON. */
const KEYWORD = "dalle2";

const modelFile = z.object({ name: z.string(), bytes: z.int().nonnegative(), fingerprint: z.string() });

const pictureRecord = z.object({
  /** Name and version of this package. */
  software: z.string(),
  /** Of the picture's own generator. */
  seed: z.int().nonnegative(),
  /** Options of the script that drew it, by their names in the library; `script` is its class. */
  parameters: z.looseObject({ script: z.string() }),
  /** What the command was given for this picture: prompt, names of files. */
  inputs: z.record(z.string(), z.union([z.string(), z.number()])),
  /** Load config as it was named, absent for the one that comes with the package, and the model files. */
  model: z.object({ config: z.string().optional(), files: z.array(modelFile) }),
  adapter: z.string(),
  dtype: z.enum(["f32", "f16"]),
  /** Table of kernel variants; there is one so far. */
  tuning: z.string(),
});

/** What a picture file says of how it was drawn, so that it can be drawn again. */
export type PictureRecord = z.output<typeof pictureRecord>;

/** What the records of all pictures of a run have in common. */
export type DrawnOn = Omit<PictureRecord, "seed" | "parameters" | "inputs">;

/** The table of kernel variants that is in use. */
export const TUNING = "default";

/** A record as texts of a picture file: whole, and the parts that other programs show; without the secrets that are known. */
export function recordTexts(record: PictureRecord, description: string): ImageText {
  return {
    Description: hideKnown(description),
    Software: record.software,
    Seed: String(record.seed),
    [KEYWORD]: JSON.stringify(record, (_, part: unknown) => (typeof part === "string" ? hideKnown(part) : part)),
  };
}

/** What a picture file says of itself. */
export interface RecordedPicture {
  /** Undefined where this package has not written the file, or another program has dropped the record. */
  readonly record: PictureRecord | undefined;
  /** Its other texts by keyword. */
  readonly texts: Readonly<Record<string, string>>;
}

/** Reads the texts of a picture file. Rejects with `FileError` where it cannot be read or its record is none. */
export async function readRecord(file: string): Promise<RecordedPicture> {
  const fail = (problem: string, cause?: unknown): never => {
    throw new FileError(file, problem, { cause });
  };
  const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
  const bytes = await readBytes(file, MAX_BYTES.image);
  const found = await readImageText(bytes).catch((cause: unknown) => fail(reason(cause), cause));
  const { [KEYWORD]: json, ...texts } = Object.fromEntries(found);
  if (json === undefined) return { record: undefined, texts };
  const damaged = "its record of how it was drawn is damaged";
  const value = parseRecord(json, (problem) => fail(`${damaged}: it ${problem}`));
  const { data, faults } = checkValue(pictureRecord, value);
  if (faults) return fail(`${damaged}: ${faults.join("; ")}`);
  return { record: withoutSecretsIn(data), texts };
}

function parseRecord(json: string, fail: (problem: string) => never): unknown {
  try {
    return parseJson(json);
  } catch (error) {
    if (error instanceof JsonError) return fail(error.message);
    throw error;
  }
}

/** Earlier versions recorded the address of a load config as it was given. */
function withoutSecretsIn(record: PictureRecord): PictureRecord {
  const { config } = record.model;
  return config === undefined ? record : { ...record, model: { ...record.model, config: publicUrl(config) } };
}
