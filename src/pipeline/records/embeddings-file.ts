// Embeddings in a safetensors file: a tensor for each kind, with a row for each text or image. The metadata of the file names
// these texts and images, and the models.
import * as z from "zod/mini";
import { checkValue } from "../../config/config-error.js";
import { ArgumentError } from "../../platform/arguments.js";
import { JsonError, parseJson } from "../../platform/json.js";
import { hideKnown } from "../../platform/secrets.js";
import type { ByteSource } from "../../platform/source.js";
import { toFloat32 } from "../../weights/dtypes.js";
import { FormatError } from "../../weights/errors.js";
import { openSafetensors, writeSafetensors, type TensorData } from "../../weights/formats/safetensors.js";
import type { TensorEntry } from "../../weights/tensor-entry.js";
import { splitRows, type Embedding } from "../embedding.js";
import { generatedOn, type GeneratedOn } from "./image-record.js";

/** `format` in the metadata of such a file. */
const FORMAT = "dalle2-embeddings";

const textRow = z.object({ text: z.string() });
const imageRow = z.object({ image: z.string() });
const priorRow = z.object({ text: z.string(), seed: z.int().check(z.nonnegative()) });

/** CLIP's embedding of a text. */
export interface TextEmbedded {
  /** The text. */
  readonly text: string;
  /** Its embedding, `[dimLatent]`. */
  readonly embedding: Embedding;
}

/** CLIP's embedding of an image, with the name of its file. */
export interface ImageEmbedded {
  /** Name of the file, without folders. */
  readonly image: string;
  /** Its embedding, `[dimLatent]`. */
  readonly embedding: Embedding;
}

/** The image embedding that the prior sampled for a text and a seed. */
export interface PriorEmbedded {
  /** The text. */
  readonly text: string;
  /** Seed of the generator. */
  readonly seed: number;
  /** The image embedding, `[dimLatent]`. */
  readonly embedding: Embedding;
}

/** Embeddings that are stored together. Those of one kind have one length. */
export interface StoredEmbeddings {
  /** CLIP's embeddings of texts. */
  readonly texts: readonly TextEmbedded[];
  /** CLIP's embeddings of images. */
  readonly images: readonly ImageEmbedded[];
  /** Image embeddings from the prior. */
  readonly priors: readonly PriorEmbedded[];
  /** The models that computed them, and where these ran. */
  readonly generatedOn: GeneratedOn;
}

/** Names of the tensors of each kind, f32 `[rows, D]`. The metadata has a list with the same name that describes the rows. */
const TENSORS = { texts: "clip_text_embed", images: "clip_image_embed", priors: "prior_image_embed" } as const;

type Kind = keyof typeof TENSORS;
const KINDS = Object.keys(TENSORS) as readonly Kind[];

const ROWS = { texts: textRow, images: imageRow, priors: priorRow } as const;

/**
 * Writes embeddings as a safetensors file. Yields its bytes in chunks. Known secrets are left out. Rejects with `ArgumentError`
 * if embeddings of one kind differ in length.
 */
export async function* writeEmbeddings(stored: StoredEmbeddings): AsyncGenerator<Uint8Array> {
  const tensors = KINDS.filter((kind) => stored[kind].length > 0).map((kind) => tensorOf(kind, stored[kind]));
  const withoutSecrets = (value: unknown): string =>
    JSON.stringify(value, (_, part: unknown) => (typeof part === "string" ? hideKnown(part) : part));
  const metadata = new Map([
    ["format", FORMAT],
    ["generated_on", withoutSecrets(stored.generatedOn)],
    ...tensors.map(({ kind, data }) => {
      const rows = stored[kind].map((row) => Object.entries(row).filter(([name]) => name !== "embedding"));
      return [data.name, withoutSecrets(rows.map((row) => Object.fromEntries(row)))] as const;
    }),
  ]);
  yield* writeSafetensors(
    tensors.map(({ data }) => data),
    metadata,
  );
}

function tensorOf(kind: Kind, rows: readonly { readonly embedding: Embedding }[]): { kind: Kind; data: TensorData } {
  const [length = 0] = rows[0]!.embedding.shape;
  const other = rows.find(({ embedding: { shape } }) => shape.length !== 1 || shape[0] !== length);
  if (other) {
    const shape = other.embedding.shape.join(", ");
    const message = `Embeddings of ${kind} must have one length, but one has shape [${shape}] and the first [${length}].`;
    throw new ArgumentError(kind, message, { code: "argument/mismatch" });
  }
  const chunks = () => rows.map(({ embedding: { data } }) => new Uint8Array(Float32Array.from(data).buffer));
  return { kind, data: { name: TENSORS[kind], dtype: "F32", shape: [rows.length, length], chunks } };
}

/** Reads embeddings that `writeEmbeddings` wrote. Rejects with `FormatError` for other files. */
export async function readEmbeddings(source: ByteSource, signal?: AbortSignal): Promise<StoredEmbeddings> {
  const { metadata, tensors } = await openSafetensors(source, signal);
  if (metadata.get("format") !== FORMAT) {
    throw new FormatError(source.name, "this safetensors file has no embeddings of dalle2", {
      advice: "give a file that dalle2 embed wrote",
    });
  }
  const on = jsonOf(source, metadata.get("generated_on"), "generated_on", generatedOn);
  const read = async <Row>(kind: Kind, row: z.ZodMiniType<Row>) => {
    const entry = tensors.get(TENSORS[kind]);
    if (!entry) return [];
    const rows = jsonOf(source, metadata.get(entry.name), entry.name, z.array(row));
    const embeddings = await rowsOf(source, entry, rows.length, signal);
    return rows.map((one, i) => ({ ...one, embedding: embeddings[i]! }));
  };
  return {
    texts: await read("texts", ROWS.texts),
    images: await read("images", ROWS.images),
    priors: await read("priors", ROWS.priors),
    generatedOn: on,
  };
}

async function rowsOf(
  { name }: ByteSource,
  entry: TensorEntry,
  count: number,
  signal: AbortSignal | undefined,
): Promise<Embedding[]> {
  const { shape } = entry;
  if (shape.length !== 2 || shape[0] !== count || count === 0) {
    const problem = `tensor ${entry.name} has shape [${shape.join(", ")}], but its metadata names ${count} rows`;
    throw new FormatError(name, problem);
  }
  const values = toFloat32(entry.readableDtype, await entry.read(undefined, signal));
  const wrong = values.findIndex((value) => !Number.isFinite(value));
  if (wrong >= 0)
    throw new FormatError(name, `tensor ${entry.name} has the value ${values[wrong]}, which is not finite`);
  return splitRows(values, shape);
}

function jsonOf<T>({ name }: ByteSource, json: string | undefined, key: string, schema: z.ZodMiniType<T>): T {
  const fail = (problem: string): never => {
    throw new FormatError(name, `its metadata ${key} ${problem}`);
  };
  if (json === undefined) return fail("is missing");
  const { data, faults } = checkValue(schema, parsed(json, fail));
  return faults ? fail(`is damaged: ${faults.join("; ")}`) : data;
}

function parsed(json: string, fail: (problem: string) => never): unknown {
  try {
    return parseJson(json);
  } catch (error) {
    if (error instanceof JsonError) return fail(error.message);
    throw error;
  }
}
