/** Folders of models in their full size: files with the headers of the published ones. */
import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { float32ToF16 } from "../../src/tensor/half.js";

/** A tensor of the reference. */
export interface Listed {
  readonly name: string;
  readonly shape: readonly number[];
}

/** A component of the reference: its config, and its tensors. */
export interface FullComponent {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly Listed[];
}

/** How the files are written. */
export interface Writing {
  /** f32 as published, or f16 (the default), of half the size. */
  readonly dtype?: "F32" | "F16";
  /** Whether tensors get values (f16 only). They are random, but keep activations finite. */
  readonly hasValues?: boolean;
}

/** Writes a safetensors file. Without values it takes no space on the disk. */
export function writeTensors(
  path: string,
  tensors: readonly Listed[],
  { dtype = "F16", hasValues = false }: Writing,
): void {
  mkdirSync(dirname(path), { recursive: true });
  const bytes = dtype === "F32" ? 4 : 2;
  let end = 0;
  const entries = tensors.map(({ name, shape }) => {
    const start = end;
    end += bytes * shape.reduce((product, size) => product * size, 1);
    return [name, { dtype, shape, data_offsets: [start, end] as const }] as const;
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const head = Buffer.concat([Buffer.alloc(8), header]);
  head.writeBigUInt64LE(BigInt(header.length));
  const file = openSync(path, "w");
  try {
    writeSync(file, head);
    ftruncateSync(file, head.length + end);
    if (!hasValues) return;
    for (const [name, { shape, data_offsets }] of entries) {
      const [start, stop] = data_offsets;
      const isFactor = (name.endsWith("weight") && shape.length === 1) || name === "std";
      fill(file, head.length + start, head.length + stop, isFactor ? ONES : SMALL);
    }
  } finally {
    closeSync(file);
  }
}

const BLOCK = 2 ** 20;
const ONES = halves(() => 1);
/** Small enough that sums over thousands of inputs stay near 1. */
const SMALL = halves((i) => 0.03 * Math.sin(i * 12.9898 + (i % 977) * 78.233));

function halves(valueOf: (index: number) => number): Uint8Array {
  return new Uint8Array(float32ToF16(Float32Array.from({ length: BLOCK / 2 }, (_, i) => valueOf(i))).buffer);
}

function fill(file: number, start: number, end: number, block: Uint8Array): void {
  for (let at = start; at < end; at += BLOCK) writeSync(file, block, 0, Math.min(BLOCK, end - at), at);
}

export function readJson(path: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, unknown>>;
}

export function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value, null, 2));
}
