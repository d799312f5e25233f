import { z } from "zod";
import { readBytes } from "#platform";
import { checkValue } from "../../config/config-error.js";
import { readImageText } from "../../image/encode.js";
import type { ImageText } from "../../image/png-text.js";
import { counted } from "../../platform/counted.js";
import { FileError } from "../../platform/errors.js";
import { JsonError, parseJson } from "../../platform/json.js";
import { MAX_BYTES } from "../../platform/limits.js";
import { hideKnown, publicUrl } from "../../platform/secrets.js";
import type { ComputeType } from "../../tensor/dtype.js";
import type { GeneratedImage } from "../generated-image.js";
import type { ModelFile } from "./model-identity.js";

/** The text of an image file that holds its record, as JSON. */
const KEYWORD = "dalle2";

const modelFile = z.object({ name: z.string(), bytes: z.int().nonnegative(), fingerprint: z.string() });

/** The models that made images or embeddings, and where they ran. */
export interface GeneratedOn {
  /** Name and version of this package. */
  readonly software: string;
  /** The load config as it was named, absent for the one that comes with the package, and the model files. */
  readonly model: {
    /** Its name, path or URL. */
    readonly config?: string | undefined;
    /** The files of the models. */
    readonly files: readonly ModelFile[];
  };
  /** The name of the adapter. */
  readonly adapter: string;
  /** The type that the models computed in. */
  readonly dtype: ComputeType;
  /** Table of kernel variants; there is one so far. */
  readonly tuning: string;
}

/** The schema of `GeneratedOn`. */
export const generatedOn = z.object({
  software: z.string(),
  model: z.object({ config: z.string().optional(), files: z.array(modelFile).readonly() }),
  adapter: z.string(),
  dtype: z.enum(["f32", "f16"]),
  tuning: z.string(),
}) satisfies z.ZodType<GeneratedOn>;

const imageRecord = z.object({
  ...generatedOn.shape,
  /** Of the image's own generator. */
  seed: z.int().nonnegative(),
  /** Options of the script that drew it, by their names in the library; `script` is its class. */
  parameters: z.looseObject({ script: z.string() }),
  /** What was given for this image: prompt, names of files. */
  inputs: z.record(z.string(), z.union([z.string(), z.number()])),
});

/** What an image file says of how it was drawn, so that it can be drawn again. */
export type ImageRecord = z.output<typeof imageRecord>;

/** The table of kernel variants that is in use. */
export const TUNING = "default";

/** What a file is to say of an image that a script has drawn. */
export function recordOf(
  { seed, parameters }: GeneratedImage,
  inputs: ImageRecord["inputs"],
  generatedOn: GeneratedOn,
): ImageRecord {
  return { ...generatedOn, seed, inputs, parameters };
}

/** What a record says, for people: a name and a value for each thing. */
export function describeRecord(record: ImageRecord): readonly (readonly [name: string, value: string])[] {
  const { inputs, seed, parameters, model, ...generatedOn } = record;
  const text = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
  const rows = (values: object) => Object.entries(values).map(([name, value]) => [name, text(value)] as const);
  return [
    ...rows(inputs),
    ...rows({ seed }),
    ...rows(parameters),
    ["config", model.config ?? "the package's own"],
    ...model.files.map(
      ({ name, bytes, fingerprint }) =>
        ["model", `${name}, ${counted(bytes, "byte")}, fingerprint ${fingerprint}`] as const,
    ),
    ...rows(generatedOn),
  ];
}

/** A record as texts of an image file: whole, and the parts that other programs show; without the secrets that are known. */
export function recordTexts(record: ImageRecord, description: string): ImageText {
  return {
    Description: hideKnown(description),
    Software: record.software,
    Seed: String(record.seed),
    [KEYWORD]: JSON.stringify(record, (_, part: unknown) => (typeof part === "string" ? hideKnown(part) : part)),
  };
}

/** What an image file says of itself. */
export interface RecordedImage {
  /** Undefined where this package has not written the file, or another program has dropped the record. */
  readonly record: ImageRecord | undefined;
  /** Its other texts by keyword. */
  readonly texts: Readonly<Record<string, string>>;
}

const ANOTHER_IMAGE = "give an image that this package has written";
const DRAW_ANEW = "draw the image anew";

/** Reads the texts of an image file. Rejects with `FileError` where it cannot be read or its record is none. */
export async function readRecord(file: string): Promise<RecordedImage> {
  const bytes = await readBytes(file, MAX_BYTES.image);
  return recordIn(bytes, file);
}

/** The same of a file's content, which messages call `file`. */
export async function recordIn(bytes: Uint8Array, file: string): Promise<RecordedImage> {
  const fail = (problem: string, advice: string, cause?: unknown): never => {
    throw new FileError(file, problem, { cause, advice });
  };
  const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
  const found = await readImageText(bytes).catch((cause: unknown) => fail(reason(cause), ANOTHER_IMAGE, cause));
  const { [KEYWORD]: json, ...texts } = Object.fromEntries(found);
  if (json === undefined) return { record: undefined, texts };
  const damaged = "its record of how it was drawn is damaged";
  const value = parseRecord(json, (problem) => fail(`${damaged}: it ${problem}`, DRAW_ANEW));
  const { data, faults } = checkValue(imageRecord, value);
  if (faults) return fail(`${damaged}: ${faults.join("; ")}`, DRAW_ANEW);
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
function withoutSecretsIn(record: ImageRecord): ImageRecord {
  const { config } = record.model;
  return config === undefined ? record : { ...record, model: { ...record.model, config: publicUrl(config) } };
}
