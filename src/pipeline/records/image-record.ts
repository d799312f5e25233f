import * as z from "zod/mini";
import { readBytes } from "#platform";
import { checkValue } from "../../config/config-error.js";
import { encodeImage, readImageText, type EncodeOptions } from "../../image/encode.js";
import type { ImageText } from "../../image/png-text.js";
import { counted } from "../../platform/counted.js";
import { FileError } from "../../platform/errors.js";
import { JsonError, parseJson } from "../../platform/json.js";
import { MAX_BYTES } from "../../platform/limits.js";
import { hideKnown, publicUrl } from "../../platform/secrets.js";
import { WEIGHT_FORMATS, type ComputeType, type WeightFormat } from "../../tensor/dtype.js";
import type { GeneratedImage } from "../generated-image.js";
import type { ModelFile } from "./model-identity.js";

/** Keyword of the text in an image file that has its record, as JSON. */
const KEYWORD = "dalle2";

const modelFile = z.object({ name: z.string(), bytes: z.int().check(z.nonnegative()), fingerprint: z.string() });

/** The models that generated images or embeddings, and where they ran. */
export interface GeneratedOn {
  /** Name and version of this package. */
  readonly software: string;
  /** The models. */
  readonly model: {
    /** Load config, as it was named. Absent for the default config of the package. */
    readonly config?: string | undefined;
    /** Model files of the load config. */
    readonly files: readonly ModelFile[];
  };
  /** Name of the adapter. */
  readonly adapter: string;
  /** Dtype of weights and activations. */
  readonly dtype: ComputeType;
  /** What weights of linear layers and convolutions were stored in. */
  readonly weights: WeightFormat;
  /** The `id` of the device's tuning table. Records of earlier versions have "default". */
  readonly tuning: string;
}

/** The schema of `GeneratedOn`. */
export const generatedOn = z.object({
  software: z.string(),
  model: z.object({ config: z.optional(z.string()), files: z.readonly(z.array(modelFile)) }),
  adapter: z.string(),
  dtype: z.enum(["f32", "f16"]),
  // Records of earlier versions have none.
  weights: z._default(z.enum(WEIGHT_FORMATS), "full"),
  tuning: z.string(),
}) satisfies z.ZodMiniType<GeneratedOn>;

/** What an image file says of how it was generated, so that it can be generated again. */
export interface ImageRecord extends GeneratedOn {
  /** Seed of the generator of the image. */
  readonly seed: number;
  /** Options of the script, under their names in the library. */
  readonly parameters: {
    /** Class name of the script. */
    readonly script: string;
    readonly [option: string]: unknown;
  };
  /** Inputs of this image: prompt, names of files. */
  readonly inputs: Readonly<Record<string, string | number>>;
}

const imageRecord = z.object({
  ...generatedOn.shape,
  seed: z.int().check(z.nonnegative()),
  parameters: z.looseObject({ script: z.string() }),
  inputs: z.record(z.string(), z.union([z.string(), z.number()])),
}) satisfies z.ZodMiniType<ImageRecord>;

/** Makes the record of an image. */
export function recordOf(
  { seed, parameters: { tuning, ...parameters } }: GeneratedImage,
  inputs: ImageRecord["inputs"],
  generatedOn: GeneratedOn,
): ImageRecord {
  return { ...generatedOn, tuning, seed, inputs, parameters };
}

const imageSize = z.strictObject({ width: z.number(), height: z.number() });

/** A value of a record, for people. */
function text(value: unknown): string {
  if (typeof value === "string") return value;
  const size = imageSize.safeParse(value).data;
  return size ? `${size.width} × ${size.height}` : JSON.stringify(value);
}

/** Returns the entries of a record as names and values, for people. */
export function describeRecord(record: ImageRecord): readonly (readonly [name: string, value: string])[] {
  const { inputs, seed, parameters, model, ...generatedOn } = record;
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

/** Returns a record as texts of an image file: the whole, and the parts that other programs show. Known secrets are left out. */
export function recordTexts(record: ImageRecord, description: string): ImageText {
  return {
    Description: hideKnown(description),
    Software: record.software,
    Seed: String(record.seed),
    [KEYWORD]: JSON.stringify(record, (_, part: unknown) => (typeof part === "string" ? hideKnown(part) : part)),
  };
}

/** Options of `encodeRecorded`. */
export interface RecordingOptions extends Omit<EncodeOptions, "text"> {
  /** The models and where they ran: `DalleModelManager.generatedOn`. */
  readonly generatedOn: GeneratedOn;
  /** Inputs of the image, for people: its prompt, names of files. Default: none. */
  readonly inputs?: ImageRecord["inputs"] | undefined;
  /** What image viewers show of it. Default: the input `prompt`. */
  readonly description?: string | undefined;
}

/**
 * Encodes a generated image as a file with the record of how it was generated: options, seed, models, adapter. `dalle2 show` prints
 * it, `dalle2 dream --from` repeats it, and `readImageRecord` reads it. Known secrets are left out. Rejects as `encodeImage`.
 *
 * @example
 * const generatedOn = await manager.generatedOn();
 * const file = await encodeRecorded(image, { generatedOn, inputs: { prompt: "a red circle" } });
 */
export async function encodeRecorded(
  image: GeneratedImage,
  { generatedOn, inputs = {}, description = String(inputs.prompt ?? ""), ...options }: RecordingOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  return encodeImage(image, { ...options, text: recordTexts(recordOf(image, inputs, generatedOn), description) });
}

/** The texts in an image file. */
export interface RecordedImage {
  /** Undefined if this package did not write the file, or if another program dropped the record. */
  readonly record: ImageRecord | undefined;
  /** Its other texts by keyword. */
  readonly texts: Readonly<Record<string, string>>;
}

const ANOTHER_IMAGE = "give an image that this package wrote";
const GENERATE_AGAIN = "generate the image again";

/** The same as `readImageRecord` for a file on the disk. */
export async function readRecord(file: string): Promise<RecordedImage> {
  const bytes = await readBytes(file, MAX_BYTES.image);
  return readImageRecord(bytes, file);
}

/**
 * Reads the record and the other texts in an image file (PNG, JPEG, WebP). Messages name it `file`. Rejects with `FileError` if
 * it is no image or its record is damaged.
 *
 * @example
 * const { record } = await readImageRecord(new Uint8Array(await file.arrayBuffer()), file.name);
 */
export async function readImageRecord(bytes: Uint8Array, file: string): Promise<RecordedImage> {
  const fail = (problem: string, advice: string, cause?: unknown): never => {
    throw new FileError(file, problem, { cause, advice });
  };
  const reason = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
  const found = await readImageText(bytes).catch((cause: unknown) => fail(reason(cause), ANOTHER_IMAGE, cause));
  const { [KEYWORD]: json, ...texts } = Object.fromEntries(found);
  if (json === undefined) return { record: undefined, texts };
  const damaged = "its record of how it was generated is damaged";
  const value = parseRecord(json, (problem) => fail(`${damaged}: it ${problem}`, GENERATE_AGAIN));
  const { data, faults } = checkValue(imageRecord, value);
  if (faults) return fail(`${damaged}: ${faults.join("; ")}`, GENERATE_AGAIN);
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

/** Removes secrets from the URL of a load config, which earlier versions recorded. */
function withoutSecretsIn(record: ImageRecord): ImageRecord {
  const { config } = record.model;
  return config === undefined ? record : { ...record, model: { ...record.model, config: publicUrl(config) } };
}
