import type { BasicInferenceOptions } from "../../src/pipeline/scripts/basic-inference.js";
import { Build } from "../lib/build.js";
import { randomData, type HostData } from "../lib/host-data.js";
import { medianOf, sample } from "../lib/measure.js";
import type { Options } from "../lib/options.js";
import { circumstances, load, writeResult } from "../lib/results.js";
import { loadUnet } from "../lib/shapes.js";
import { openSubject, type Subject } from "../lib/subject.js";

const ROUNDS = 2;

export interface ScalingPoint {
  readonly n: number;
  readonly wall: number;
  readonly cpu: number;
}

/** How time grows with one number. */
export interface ScalingRow {
  readonly name: string;
  readonly kind: "scaling";
  /** What `n` counts. */
  readonly unit: string;
  readonly load: number;
  /** Medians in seconds, of all that is computed for n. */
  readonly points: readonly ScalingPoint[];
  /** Of n, in the power that fits processor time best. */
  readonly exponent: number;
  /** The part of the smallest point that does not grow, by a line through the first and the last point. */
  readonly fixedShare: number;
}

interface Case {
  readonly name: string;
  readonly unit: string;
  readonly sizes: readonly number[];
  /** Work of size n, ready to run. */
  prepare: (n: number) => Promise<() => Promise<unknown>>;
}

const PROMPTS = [
  "a red circle",
  "a blue square",
  "a green triangle",
  "a white ring",
  "a pink cross",
  "a cyan diamond",
  "a orange circle",
  "a purple square",
];

export async function runScaling(options: Options): Promise<void> {
  const loadBefore = load();
  const build = new Build(".");
  const subject = await openSubject(build, "f32");
  const { adapter, table } = subject;
  const rows: ScalingRow[] = [];
  for (const one of await casesOf(build, subject)) {
    if (options.only && !options.only.test(one.name)) continue;
    rows.push(await measure(one, options.rounds ?? ROUNDS));
    const known = circumstances({ adapter, build, table, loadBefore });
    writeResult(options.out, { group: "scaling", ...known, rows }, { merge: options.only !== undefined });
  }
}

async function casesOf(build: Build, subject: Subject): Promise<Case[]> {
  const { DalleModelManager, BasicInference, openGpu } = await build.load("index.js");
  const manager = await DalleModelManager.create(undefined, { gpu: await openGpu() });
  const script = new BasicInference(manager);
  const images = (prompts: readonly string[], more: BasicInferenceOptions) => () =>
    Promise.resolve(() => script.run(prompts, { seed: 1, ...more }));
  return [
    {
      name: "images of one prompt in a batch",
      unit: "images",
      sizes: [1, 2, 4, 8],
      prepare: (n) => images(PROMPTS.slice(0, 1), { priorSampleCount: n })(),
    },
    {
      name: "prompts in a batch",
      unit: "prompts",
      sizes: [1, 2, 4, 8],
      prepare: (n) => images(PROMPTS.slice(0, n), {})(),
    },
    {
      name: "sampling steps of U-Net 1",
      unit: "steps",
      sizes: [5, 10, 20, 50],
      prepare: (n) => images(PROMPTS.slice(0, 1), { decoderSteps: [n, 1], priorSteps: 2 })(),
    },
    {
      name: "pixels: U-Net 2, 32² to 128²",
      unit: "pixels",
      sizes: [32 ** 2, 64 ** 2, 128 ** 2],
      prepare: async (n) => (await unet2(subject, Math.sqrt(n))).step!,
    },
    {
      name: "tokens of a self-attention, 256 to 2048",
      unit: "tokens",
      sizes: [256, 512, 1024, 2048],
      prepare: (n) => selfAttention(subject, n),
    },
  ];
}

const asInput = ({ data, shape }: HostData) => ({ data, shape });

function unet2(subject: Subject, side: number) {
  const inputs = {
    x: asInput(randomData([1, 3, side, side], 1)),
    time: { data: Float32Array.of(500), shape: [1] },
    image_embed: asInput(randomData([1, 128], 2)),
    lowres: asInput(randomData([1, 3, side, side], 3)),
  };
  return loadUnet(subject, 2, inputs, 1);
}

async function selfAttention(subject: Subject, tokens: number): Promise<() => Promise<unknown>> {
  const [heads, dimHead] = [8, 64];
  const { attention } = await subject.build.load("ops/attention.js");
  const inputs = [1, 2, 3].map((seed) => randomData([1, tokens, heads * dimHead], seed));
  const options = { heads, kvHeads: heads, dimHead, scale: dimHead ** -0.5 };
  return () => subject.run(inputs, (q, k, v) => attention({ q: q, k: k, v: v, ...options }));
}

async function measure({ name, unit, sizes, prepare }: Case, rounds: number): Promise<ScalingRow> {
  const before = load();
  const works: { n: number; run: () => Promise<unknown> }[] = [];
  for (const n of sizes) works.push({ n, run: await prepare(n) });
  for (const { run } of works) await run();
  const samples = works.map((): Awaited<ReturnType<typeof sample>>[] => []);
  for (let round = 0; round < rounds; round++) {
    for (const [i, { run }] of works.entries()) samples[i]!.push(await sample(run));
  }
  const points = works.map(({ n }, i) => {
    const { wall, cpu } = medianOf(samples[i]!);
    return { n, wall, cpu };
  });
  const exponent = exponentOf(points);
  const fixedShare = fixedShareOf(points);
  console.log(`\n${name}  (load ${load().toFixed(1)}): exponent ${exponent.toFixed(2)}`);
  for (const { n, wall, cpu } of points) {
    const perUnit = `${((1000 * cpu) / n).toPrecision(3)} ms of processor time for each`;
    console.log(`  ${n} ${unit}: wall ${wall.toFixed(3)} s, cpu ${cpu.toFixed(3)} s, ${perUnit}`);
  }
  return { name, kind: "scaling", unit, load: Math.max(before, load()), points, exponent, fixedShare };
}

/** Slope of the logarithm of processor time over that of n, by least squares. */
export function exponentOf(points: readonly ScalingPoint[]): number {
  const [xs, ys] = [points.map(({ n }) => Math.log(n)), points.map(({ cpu }) => Math.log(cpu))];
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanX, meanY] = [mean(xs), mean(ys)];
  const covariance = mean(xs.map((x, i) => (x - meanX) * (ys[i]! - meanY)));
  return covariance / mean(xs.map((x) => (x - meanX) ** 2));
}

function fixedShareOf(points: readonly ScalingPoint[]): number {
  const [first, last] = [points[0]!, points.at(-1)!];
  const slope = (last.cpu - first.cpu) / (last.n - first.n);
  return Math.max(0, 1 - (slope * first.n) / first.cpu);
}
