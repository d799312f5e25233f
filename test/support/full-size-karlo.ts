/**
 * karlo-v1-alpha in its full size, with the components for image variations: the tensors of test/fixtures/headers/karlo.json, which
 * diffusers 0.37.1 makes from the published configs. Without values the files take no space on the disk.
 */
import { closeSync, cpSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import * as z from "zod/mini";
import { float32ToF16 } from "../../src/tensor/half.js";
import { fixtureFolder } from "./golden.js";

interface Tree {
  readonly [key: string]: Tree | readonly number[];
}
const tree: z.ZodMiniType<Tree> = z.lazy(() => z.record(z.string(), z.union([z.array(z.int()), tree])));
const reference = z.record(z.string(), z.object({ config: z.record(z.string(), z.unknown()), tensors: tree }));

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

/** The components of karlo-v1-alpha. The two super-resolution U-Nets have the same tensors. */
export function fullSizeKarlo(): ReadonlyMap<string, FullComponent> {
  const path = join(fixtureFolder("headers"), "karlo.json");
  const listed = reference.parse(JSON.parse(readFileSync(path, "utf8")));
  const components = new Map(
    Object.entries(listed).map(([name, { config, tensors }]) => [name, { config, tensors: flatten(tensors, "") }]),
  );
  const first = components.get("super_res_first")!;
  return components.set("super_res_last", { ...first, config: { ...first.config, sample_size: null } });
}

function flatten(node: Tree, prefix: string): Listed[] {
  return Object.entries(node).flatMap(([key, value]): Listed[] =>
    isShape(value) ? [{ name: prefix + key, shape: value }] : flatten(value, `${prefix}${key}.`),
  );
}

function isShape(value: Tree | readonly number[]): value is readonly number[] {
  return Array.isArray(value);
}

/** How the files are written. */
export interface Writing {
  /** f32 as published, or f16, of half the size. */
  readonly dtype: "F32" | "F16";
  /** Whether tensors get values (f16 only). They are random, but keep activations finite. */
  readonly hasValues?: boolean;
}

const CLIP = ["text_encoder", "image_encoder"];
/** The fixtures whose small files are copied: configs of schedulers and of the feature extractor, and the tokenizer. */
const TEXT_TO_IMAGE = join(fixtureFolder("karlo-text-to-image"), "model");
const VARIATION = join(fixtureFolder("karlo-image-variation"), "model");

/** Writes the folder. In f32 it seems to have 15 GB. */
export function writeFullSizeKarlo(folder: string, writing: Writing): void {
  const index = {
    ...readJson(join(VARIATION, "model_index.json")),
    ...readJson(join(TEXT_TO_IMAGE, "model_index.json")),
  };
  writeJson(join(folder, "model_index.json"), index);
  for (const part of ["tokenizer", "prior_scheduler", "decoder_scheduler", "super_res_scheduler"])
    cpSync(join(TEXT_TO_IMAGE, part), join(folder, part), { recursive: true });
  const extractor = readJson(join(VARIATION, "feature_extractor", "preprocessor_config.json"));
  const sides = { size: { shortest_edge: 224 }, crop_size: { height: 224, width: 224 } };
  writeJson(join(folder, "feature_extractor", "preprocessor_config.json"), { ...extractor, ...sides });
  for (const [name, { config, tensors }] of fullSizeKarlo()) {
    const small = name === "image_encoder" ? VARIATION : TEXT_TO_IMAGE;
    writeJson(join(folder, name, "config.json"), { ...readJson(join(small, name, "config.json")), ...config });
    const file = CLIP.includes(name) ? "model.safetensors" : "diffusion_pytorch_model.safetensors";
    writeTensors(join(folder, name, file), tensors, writing);
  }
}

function writeTensors(path: string, tensors: readonly Listed[], { dtype, hasValues = false }: Writing): void {
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
      fill(file, head.length + start, head.length + stop, name.endsWith("weight") && shape.length === 1 ? ONES : SMALL);
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

function readJson(path: string): Readonly<Record<string, unknown>> {
  return JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, unknown>>;
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value, null, 2));
}
