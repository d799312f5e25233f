// The safetensors format: a little-endian u64 with the length of a JSON header, the header, then the tensors' bytes. The
// header maps each tensor's name to its type, shape and [begin, end) within the data, and `__metadata__` to strings.
// https://github.com/huggingface/safetensors/blob/24b0b2857fef49be734b9ab72ce97c09bb25f5b9/README.md#L74-L104
import { ArgumentError } from "../../platform/arguments.js";
import type { ByteSource } from "../../platform/source.js";
import { jsonProblem, jsonStringEnd, parseJson } from "../../platform/json.js";
import { isRecord } from "../../platform/objects.js";
import { byteLength, DTYPE_BYTES, elementCount, isCountable, isDtype, type Dtype } from "../dtypes.js";
import { FormatError } from "../errors.js";
import { excerpt } from "../../platform/printable.js";
import { TensorEntry, type RowReader } from "../tensor-entry.js";

const LENGTH_BYTES = 8;
/** The only name that a tensor in a safetensors file cannot have. */
export const METADATA = "__metadata__";
/** Longest header that is read, as in the official library. */
export const MAX_HEADER_BYTES = 100_000_000;

/** The header of a safetensors file. */
export interface SafetensorsFile {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

/** Bits per element of the format's other types, which this library does not support. */
const OTHER_BITS: Readonly<Record<string, number>> = { F4: 4, F6_E2M3: 6, F6_E3M2: 6, C64: 64 };

interface HeaderEntry {
  readonly name: string;
  /** A `Dtype`, or one of the other types. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Byte range within the data that follows the header. */
  readonly begin: number;
  readonly end: number;
}

/** True if the first bytes of a file, at least nine, can begin a safetensors file of that size. */
export function looksLikeSafetensors(head: Uint8Array, size: number): boolean {
  if (head.length <= LENGTH_BYTES) return false;
  const length = headerLength(head);
  // White space may pad the header on both sides.
  const start = new TextDecoder("latin1").decode(head.subarray(LENGTH_BYTES));
  return length > 0n && length <= BigInt(size - LENGTH_BYTES) && /^[ \t\r\n]*(\{|$)/.test(start);
}

/**
 * Reads the header and checks sizes, types, shapes, and that the tensors cover the data without gap or overlap. Rejects with
 * FormatError.
 */
export async function openSafetensors(source: ByteSource, signal?: AbortSignal): Promise<SafetensorsFile> {
  if (source.size < LENGTH_BYTES)
    throw new FormatError(source.name, `${source.size} bytes are too few for a safetensors file`);
  const length = headerLength(await source.read(0, LENGTH_BYTES, signal));
  const room = source.size - LENGTH_BYTES;
  if (length > BigInt(Math.min(room, MAX_HEADER_BYTES)))
    throw new FormatError(
      source.name,
      `the safetensors header should have ${length} bytes, but ${room} follow and ${MAX_HEADER_BYTES} are allowed; the file may be truncated`,
    );
  const header = await source.read(LENGTH_BYTES, Number(length), signal);
  const dataStart = LENGTH_BYTES + header.length;
  const { metadata, entries } = parseHeader(header, source.name);
  checkTiling(entries, source.size - dataStart, source.name);
  const tensors = new Map(
    entries.map((entry) => [entry.name, tensorEntry(source, entry, dataStart + entry.begin)] as const),
  );
  return { metadata, tensors };
}

function headerLength(head: Uint8Array): bigint {
  return new DataView(head.buffer, head.byteOffset, head.byteLength).getBigUint64(0, true);
}

function tensorEntry(source: ByteSource, { name, dtype, shape }: HeaderEntry, start: number): TensorEntry {
  if (!isDtype(dtype))
    return new TensorEntry(
      name,
      { typeName: dtype, problem: `values of type ${dtype} are not supported`, source: source.name },
      shape,
    );
  const rowBytes = elementCount(shape.slice(1)) * DTYPE_BYTES[dtype];
  const read: RowReader = ([from, to], signal) => source.read(start + from * rowBytes, (to - from) * rowBytes, signal);
  return new TensorEntry(name, dtype, shape, read, start);
}

function parseHeader(bytes: Uint8Array, source: string) {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    header = parseJson(text, { takesProtoKey: true });
  } catch (cause) {
    throw new FormatError(source, `the safetensors header ${jsonProblem(cause)}`, { cause });
  }
  if (!isRecord(header)) throw new FormatError(source, "the safetensors header is not a JSON object");
  const repeated = repeatedKey(text);
  if (repeated !== undefined) throw new FormatError(source, `the safetensors header has ${repeated} more than once`);
  const metadata = new Map<string, string>();
  const entries: HeaderEntry[] = [];
  for (const [name, value] of Object.entries(header))
    if (name === METADATA) parseMetadata(value, metadata, source);
    else entries.push(parseEntry(name, value, source));
  return { metadata, entries };
}

function parseMetadata(value: unknown, metadata: Map<string, string>, source: string): void {
  if (value === null) return;
  if (!isRecord(value)) throw new FormatError(source, `${METADATA} is not a JSON object`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw new FormatError(source, `${METADATA}.${excerpt(key)} is not a string`);
    metadata.set(key, text);
  }
}

function parseEntry(name: string, value: unknown, source: string): HeaderEntry {
  const fail = (problem: string) => new FormatError(source, `tensor ${excerpt(name)}: ${problem}`);
  if (!isRecord(value)) throw fail("its header entry is not a JSON object");
  const { dtype, shape, data_offsets: offsets } = value;
  const bits = typeof dtype === "string" ? elementBits(dtype) : undefined;
  if (typeof dtype !== "string" || bits === undefined)
    throw fail(
      `its dtype is ${nameOf(dtype)}, not one of ${[...Object.keys(DTYPE_BYTES), ...Object.keys(OTHER_BITS)].join(", ")}`,
    );
  if (!isSizes(shape)) throw fail("its shape is not a list of sizes");
  if (!isSizes(offsets) || offsets.length !== 2) throw fail("its data_offsets are not a pair of positions");
  if (!isCountable(shape, bits)) throw fail("its shape has more elements than can be counted");
  const [begin, end] = offsets as [number, number];
  const needed = (elementCount(shape) * bits) / 8;
  if (end - begin !== needed)
    throw fail(`data_offsets span ${end - begin} bytes, but ${dtype} [${excerpt(shape.join(", "))}] takes ${needed}`);
  return { name, dtype, shape, begin, end };
}

/** Undefined if the format has no such type. */
function elementBits(dtype: string): number | undefined {
  if (isDtype(dtype)) return 8 * DTYPE_BYTES[dtype];
  return Object.hasOwn(OTHER_BITS, dtype) ? OTHER_BITS[dtype] : undefined;
}

function checkTiling(entries: readonly HeaderEntry[], dataBytes: number, source: string): void {
  // Empty tensors sort before the tensor that starts at the same place.
  const inOrder = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const { name, begin, end } of inOrder) {
    if (begin !== position)
      throw new FormatError(
        source,
        `tensor ${excerpt(name)}: its data starts at ${begin}, ${begin < position ? "inside" : "after a gap behind"} the tensor before it, which ends at ${position}`,
      );
    position = end;
  }
  if (position !== dataBytes)
    throw new FormatError(
      source,
      `the tensors take ${position} bytes, but ${dataBytes} follow the header; the file is ${position > dataBytes ? "truncated" : "longer than its header says"}`,
    );
}

/**
 * A key that the official library refuses as a duplicate: the metadata, or a field of a tensor. (For a duplicate tensor name
 * it uses the last, as JSON.parse does, and refuses gaps in the data.)
 */
function repeatedKey(json: string): string | undefined {
  let depth = 0;
  let metadataCount = 0;
  let isInMetadata = false;
  let fields = new Set<string>();
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{" || character === "[") {
      if (++depth === 2) fields = new Set();
    } else if (character === "}" || character === "]") depth--;
    else if (character === '"') {
      const end = jsonStringEnd(json, at);
      if (depth === 1) {
        isInMetadata = isKey(json, at, end, METADATA);
        if (isInMetadata && ++metadataCount > 1) return METADATA;
      } else if (depth === 2 && !isInMetadata) {
        const field = FIELDS.find((name) => isKey(json, at, end, name));
        if (field !== undefined && fields.has(field)) return `the ${field} of a tensor`;
        if (field !== undefined) fields.add(field);
      }
      at = end - 1;
    }
  }
  return undefined;
}

const FIELDS = ["dtype", "shape", "data_offsets"] as const;
/** Longest form of a relevant key, with each character escaped. */
const MAX_KEY_TEXT = 6 * METADATA.length + 2;

/** True if the JSON string in `[start, end)` is this key. */
function isKey(json: string, start: number, end: number, key: string): boolean {
  if (end - start > MAX_KEY_TEXT || parseJson(json.slice(start, end)) !== key) return false;
  let next = end;
  while (/\s/.test(json[next] ?? "")) next++;
  return json[next] === ":";
}

function nameOf(value: unknown): string {
  if (value === undefined) return "missing";
  return typeof value === "string" ? excerpt(value, 40) : `a ${typeof value}`;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

/** A tensor to write. `chunks` gives its row-major bytes in order, and is called once. */
export interface TensorData {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  chunks(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * The bytes of a safetensors file in chunks: the header, then the data of each tensor. The same tensors always give the same
 * bytes: they are ordered by element size, which keeps them aligned, then by name.
 */
export async function* writeSafetensors(
  tensors: readonly TensorData[],
  metadata: ReadonlyMap<string, string> = new Map(),
): AsyncGenerator<Uint8Array> {
  const inOrder = [...tensors].sort(
    (a, b) => DTYPE_BYTES[b.dtype] - DTYPE_BYTES[a.dtype] || (a.name < b.name ? -1 : 1),
  );
  yield headerBytes(inOrder, metadata);
  for (const tensor of inOrder) {
    const expected = byteLength(tensor.dtype, tensor.shape);
    let written = 0;
    for await (const chunk of tensor.chunks()) {
      written += chunk.byteLength;
      yield chunk;
    }
    if (written !== expected)
      throw new ArgumentError(
        "tensors",
        `tensor ${tensor.name} gave ${written} bytes, but ${tensor.dtype} [${tensor.shape.join(", ")}] takes ${expected}`,
      );
  }
}

function headerBytes(tensors: readonly TensorData[], metadata: ReadonlyMap<string, string>): Uint8Array {
  const header = new Map<string, unknown>();
  if (metadata.size > 0) header.set(METADATA, Object.fromEntries(metadata));
  let end = 0;
  for (const { name, dtype, shape } of tensors) {
    if (name === METADATA || header.has(name))
      throw new ArgumentError("tensors", `a safetensors file cannot have two tensors named ${name}`);
    const begin = end;
    end += byteLength(dtype, shape);
    header.set(name, { dtype, shape, data_offsets: [begin, end] });
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  // The format pads its header with spaces, so that the data starts at a multiple of 8.
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(LENGTH_BYTES + padded).fill(" ".charCodeAt(0));
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(json, LENGTH_BYTES);
  return bytes;
}
