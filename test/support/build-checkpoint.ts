/**
 * Checkpoints of any version of DALLE2-pytorch with random weights, in the containers of its trainers. Names and shapes are
 * those that our models declare, and those that the reference saved and no model reads.
 */
import {
  resolveDecoderConfig,
  resolvePriorConfig,
  type DecoderOptions,
} from "../../src/models/dalle2-pytorch/options.js";
import type { TrainDecoderConfig, TrainPriorConfig } from "../../src/models/dalle2-pytorch/train-config.js";
import { Decoder } from "../../src/models/dalle2-pytorch/decoder.js";
import { DiffusionPrior } from "../../src/models/dalle2-pytorch/diffusion-prior.js";
import { NoiseSchedule, type BetaScheduleName, type ScheduleTables } from "../../src/diffusion/schedule.js";
import type { Arena } from "../../src/tensor/arena.js";
import { OpenAiClip } from "../../src/models/clip/openai.js";
import type { OpenAiClipOptions } from "../../src/models/clip/openai-options.js";
import { currentDialect, dialectForVersion } from "../../src/models/dalle2-pytorch/dialect/dialect.js";
import { Random } from "./gpu.js";
import { RecordingStore } from "./recording-store.js";
import { f32Tensor, PickleText, TestTensor, type TestTree } from "./torch-file.js";

export type Shapes = ReadonlyMap<string, readonly number[]>;
export type StateDict = ReadonlyMap<string, TestTensor>;

/** Names and shapes of a decoder's state dict in that version. */
export function decoderShapes(arena: Arena, config: TrainDecoderConfig, version: string): Shapes {
  const options = resolveDecoderConfig(config.decoder);
  using store = new RecordingStore(arena);
  Decoder.declare(store.root, options, dialectForVersion(version, { sampler: "fixed" }));
  return new Map([...store.shapes, ...unreadShapes(store.shapes), ...unusedNulls(options)]);
}

/** Names and shapes of a prior's state dict in that version. */
export function priorShapes(arena: Arena, config: TrainPriorConfig, version: string): Shapes {
  using store = new RecordingStore(arena);
  new DiffusionPrior(store.root, resolvePriorConfig(config.prior), dialectForVersion(version, { sampler: "fixed" }));
  return new Map([...store.shapes, ...unreadShapes(store.shapes)]);
}

/** Names and shapes of the state dict of a CLIP with OpenAI's architecture. */
export function clipShapes(arena: Arena, options: OpenAiClipOptions): Shapes {
  using store = new RecordingStore(arena);
  new OpenAiClip({ text: store.root, image: store.root }, options, currentDialect.network);
  return store.shapes;
}

/** Buffers without effect: biases that are zero by definition, and weights of the training loss. */
function unreadShapes(shapes: Shapes): Shapes {
  const found = new Map<string, readonly number[]>();
  for (const [name, shape] of shapes) {
    if (name.endsWith(".gamma") && shape.length === 1) found.set(name.replace(/gamma$/, "beta"), shape);
    if (/(?:^|\.)betas$/.test(name)) found.set(name.replace(/betas$/, "p2_loss_weight"), shape);
  }
  return found;
}

/** The null embeddings (0.7.0 and later), which every U-Net has, even without the condition. */
function unusedNulls({ stages }: DecoderOptions): Shapes {
  const nulls = stages.flatMap(({ unet }, i): [string, readonly number[]][] => [
    [`unets.${i}.null_image_embed`, [1, unet.numImageTokens, unet.condDim]],
    [`unets.${i}.null_image_hiddens`, [1, 4 * unet.dim]],
    [`unets.${i}.null_text_embed`, [1, unet.maxTextLen, unet.condDim]],
  ]);
  return new Map(nulls);
}

/** Weights with which activations neither vanish nor explode, and real noise schedules. */
export function randomWeights(shapes: Shapes, schedules: readonly BetaScheduleName[], seed: number): StateDict {
  const random = new Random(seed);
  const weights = [...shapes].map(
    ([name, shape]) => [name, f32Tensor(shape, values(name, shape, schedules, random))] as const,
  );
  return new Map(weights);
}

function values(
  name: string,
  shape: readonly number[],
  schedules: readonly BetaScheduleName[],
  random: Random,
): Float32Array {
  const size = shape.reduce((product, extent) => product * extent, 1);
  const table = /^noise_schedulers?\.(?:(\d+)\.)?(\w+)$/.exec(name);
  if (table) return scheduleTable(table[2]!, schedules[Number(table[1] ?? 0)]!, size);
  if (name.endsWith(".beta")) return new Float32Array(size);
  if (name.endsWith("rotary_emb.freqs")) return Float32Array.from({ length: size }, (_, i) => 10000 ** (-i / size));
  const isGain = /\.(?:g|gamma)$/.test(name) || (shape.length === 1 && name.endsWith(".weight"));
  if (isGain) return random.normals(size, 0.1).map((value) => 1 + value);
  const inputs = shape.slice(1).reduce((product, extent) => product * extent, 1);
  return random.normals(size, shape.length === 1 ? 0.05 : 1 / Math.sqrt(inputs));
}

function scheduleTable(buffer: string, schedule: BetaScheduleName, timesteps: number): Float32Array {
  if (buffer === "p2_loss_weight") return new Float32Array(timesteps).fill(1);
  const table = buffer.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return NoiseSchedule.named(schedule, timesteps).tables[table as keyof ScheduleTables];
}

/** The content of a checkpoint (trainer.py and trackers.py of DALLE2-pytorch). */
export interface Saved {
  readonly model: StateDict;
  readonly version: string;
  readonly config?: TestTree;
  /** The CLIP that the model was trained with, with OpenAI's names. */
  readonly clip?: StateDict;
}

/** A tracker's "model" until 0.26.1: only the average, and the frozen CLIP if there was one. */
export function bareSave({ model, clip = new Map<string, TestTensor>() }: Saved): TestTree {
  const frozen = [...clip].map(([name, tensor]) => [`clip.clip.${name}`, tensor] as const);
  return Object.fromEntries([...model, ...frozen]);
}

/** A tracker's "model" since 0.26.2. */
export function trackerSave({ model, version, config = {} }: Saved): TestTree {
  return { version: pickledVersion(version), config, model: Object.fromEntries(model) };
}

/** The save of a prior's trainer from 0.10.0 to 1.0.0. `model` has the trained weights, not the average. */
export function priorTrainerSave({ model, version }: Saved, trained: StateDict): TestTree {
  const prefixed = (prefix: string, weights: StateDict) =>
    [...weights].map(([name, tensor]) => [`${prefix}.${name}`, tensor] as const);
  const counter = f32Tensor([1], new Float32Array([1]));
  return {
    scaler: {},
    optimizer: { state: {}, param_groups: [{ lr: 0.00011, betas: [0.9, 0.999] }] },
    model: Object.fromEntries(trained),
    version: pickledVersion(version),
    step: 1000,
    ema: Object.fromEntries([
      ["initted", counter],
      ["step", counter],
      ...prefixed("online_model", trained),
      ...prefixed("ema_model", model),
    ]),
    ema_model: Object.fromEntries(model),
  };
}

/** A `packaging.version.Version` as pickle's protocol 2 writes it. */
function pickledVersion(version: string): PickleText {
  const release = version
    .split(".")
    .map((number) => `I${number}\n`)
    .join("");
  const parts = `cpackaging.version\n_Version\n(I0\n(${release}tNNNNt\x81`;
  return new PickleText(`cpackaging.version\nVersion\n)\x81}V_version\n${parts}sb`);
}
