// The safetensors format: a little-endian u64 with the length of a JSON header, the header, then the tensors' bytes.
// The header maps each tensor's name to its type, shape and [begin, end) within the data, and `__metadata__` to strings.
// https://github.com/huggingface/safetensors#format
import type { ByteSource } from "../../platform/source.js";
import { byteLength, DTYPE_BYTES, isDtype, type Dtype } from "../dtypes.js";
import { jsonProblem, parseJson } from "../../platform/json.js";
import { FormatError } from "../errors.js";
import { TensorEntry } from "../tensor-entry.js";

const LENGTH_BYTES = 8;
const METADATA = "__metadata__";
/** Longest header that is read, as in the format's own library. */
const MAX_HEADER_BYTES = 100_000_000;

/** A safetensors file's directory. */
export interface SafetensorsFile {
  readonly metadata: ReadonlyMap<string, string>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
}

interface HeaderEntry {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Byte range within the data that follows the header. */
  readonly begin: number;
  readonly end: number;
}

/** Whether a file's first 9 bytes can begin a safetensors file of that size. */
export function looksLikeSafetensors(head: Uint8Array, size: number): boolean {
  if (head.length <= LENGTH_BYTES) return false;
  const length = headerLength(head);
  return length > 0n && length <= BigInt(size - LENGTH_BYTES) && head[LENGTH_BYTES] === "{".charCodeAt(0);
}

/**
 * Reads the header and checks all of it: sizes, types, shapes, and that the tensors tile the data without gap or overlap.
 * Rejects with FormatError.
 */
export async function openSafetensors(source: ByteSource, signal?: AbortSignal): Promise<SafetensorsFile> {
  if (source.size < LENGTH_BYTES)
    throw new FormatError(source.name, `${source.size} bytes are too few for safetensors`);
  const length = headerLength(await source.read(0, LENGTH_BYTES, signal));
  const room = source.size - LENGTH_BYTES;
  if (length > BigInt(Math.min(room, MAX_HEADER_BYTES)))
    throw new FormatError(
      source.name,
      `the safetensors header claims ${length} bytes; ${room} follow and ${MAX_HEADER_BYTES} are allowed. Is the file truncated?`,
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
  const entry: TensorEntry = new TensorEntry(name, dtype, shape, ([from, to], signal) =>
    source.read(start + from * entry.rowBytes, (to - from) * entry.rowBytes, signal),
  );
  return entry;
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
  const duplicate = duplicateKey(text);
  if (duplicate !== undefined)
    throw new FormatError(source, `the safetensors header names tensor ${duplicate} more than once`);
  const metadata = new Map<string, string>();
  const entries: HeaderEntry[] = [];
  for (const [name, value] of Object.entries(header))
    if (name === METADATA) parseMetadata(value, metadata, source);
    else entries.push(parseEntry(name, value, source));
  return { metadata, entries };
}

function parseMetadata(value: unknown, metadata: Map<string, string>, source: string): void {
  if (!isRecord(value)) throw new FormatError(source, `${METADATA} is not a JSON object`);
  for (const [key, text] of Object.entries(value)) {
    if (typeof text !== "string") throw new FormatError(source, `${METADATA}.${key} is not a string`);
    metadata.set(key, text);
  }
}

function parseEntry(name: string, value: unknown, source: string): HeaderEntry {
  const fail = (problem: string) => new FormatError(source, `tensor ${name}: ${problem}`);
  if (!isRecord(value)) throw fail("its header entry is not a JSON object");
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype))
    throw fail(`dtype ${nameOf(dtype)} is not supported, only ${Object.keys(DTYPE_BYTES).join(", ")}`);
  if (!isSizes(shape)) throw fail("its shape is not a list of sizes");
  if (!isSizes(offsets) || offsets.length !== 2) throw fail("its data_offsets are not a pair of positions");
  const [begin, end] = offsets as [number, number];
  const needed = byteLength(dtype, shape);
  if (end - begin !== needed)
    throw fail(`data_offsets span ${end - begin} bytes, but ${dtype} [${shape.join(", ")}] takes ${needed}`);
  return { name, dtype, shape, begin, end };
}

function checkTiling(entries: readonly HeaderEntry[], dataBytes: number, source: string): void {
  // Empty tensors sort before the tensor that starts at the same place.
  const inOrder = [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end);
  let position = 0;
  for (const { name, begin, end } of inOrder) {
    if (begin !== position)
      throw new FormatError(
        source,
        `tensor ${name}: its data starts at ${begin}, ${begin < position ? "inside" : "apart from"} the tensor before it, which ends at ${position}`,
      );
    position = end;
  }
  if (position !== dataBytes)
    throw new FormatError(
      source,
      `the tensors take ${position} bytes, but ${dataBytes} follow the header; the file is ${position > dataBytes ? "truncated" : "longer than its header says"}`,
    );
}

/** The first key that stands twice in the outermost object of valid JSON; parsing keeps the last and says nothing. */
function duplicateKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    else if (character === '"') {
      const end = stringEnd(json, at);
      // No value of this object may be a string, so every string at this depth is a key.
      const key = depth === 1 ? (parseJson(json.slice(at, end)) as string) : undefined;
      if (key !== undefined && seen.has(key)) return key;
      if (key !== undefined) seen.add(key);
      at = end - 1;
    }
  }
  return undefined;
}

/** The position after the closing quote of the JSON string that opens at `start`. */
function stringEnd(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function nameOf(value: unknown): string {
  return typeof value === "string" ? value.slice(0, 40) : `of type ${typeof value}`;
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && (size as number) >= 0);
}

/** A tensor to write: `chunks` gives its row-major bytes in order, and is called once. */
export interface TensorData {
  readonly name: string;
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  chunks(): Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
}

/**
 * The bytes of a safetensors file, chunk by chunk: the header, then each tensor as its data arrives.
 * Equal tensors give equal bytes: they are ordered by element size, which keeps each one aligned, then by name.
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
      throw new RangeError(
        `tensor ${tensor.name} gave ${written} bytes; ${tensor.dtype} [${tensor.shape.join(", ")}] takes ${expected}`,
      );
  }
}

function headerBytes(tensors: readonly TensorData[], metadata: ReadonlyMap<string, string>): Uint8Array {
  const header = new Map<string, unknown>();
  if (metadata.size > 0) header.set(METADATA, Object.fromEntries(metadata));
  let end = 0;
  for (const { name, dtype, shape } of tensors) {
    if (name === METADATA || header.has(name)) throw new RangeError(`a safetensors file can name ${name} only once`);
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
