// `npm run full-size`: one pass of each network in its full size, with random weights.
import { spawnSync } from "node:child_process";
import process from "node:process";
import { parseArgs } from "node:util";
import { openGpu } from "../../src/gpu/open.js";
import { Arena } from "../../src/tensor/arena.js";
import type { ComputeType, WeightFormat } from "../../src/tensor/dtype.js";
import { WeightStore } from "../../src/weights/weight-store.js";
import { randomSource } from "../support/random-source.js";
import { kandinskyNetworks } from "./kandinsky-networks.js";
import type { FullNetwork } from "./network.js";
import { stableUnclipNetworks } from "./stable-unclip-networks.js";
import { runWhole, WHOLE_RUNS, type Pipeline } from "./whole-run.js";

/** What the values of a result are like. */
interface Summary {
  readonly isFinite: boolean;
  /** Their standard deviation. */
  readonly deviation: number;
}

/** What is printed of a run. */
type Line = Summary & Readonly<Record<string, unknown>>;

/** The networks by name, for images of `side` pixels. */
function fullNetworks(side: number): ReadonlyMap<string, FullNetwork> {
  return new Map([...kandinskyNetworks(side), ...stableUnclipNetworks(side)]);
}

const HELP = `npm run full-size -- [NETWORK ...] [options]

Runs one pass of each network of Kandinsky 2.2 and of Stable unCLIP in its full size, each in a process of its own, with random weights that
take no space on the disk, and prints its time and its memory: of the GPU (weights and all), and the most that the process had.

A whole run has the GPU memory that the plan says one component at a time needs (two steps a network). For its time it writes
10 GB (Kandinsky 2.2) or 4 GB (Stable unCLIP) of random weights to the disk. It is run only if it is named.

  --dtype f32|f16   default f32
  --weights int8    weights of products in a byte each
  --size N          pixels on a side (default 512)
  --passes N        passes (default 2: the first one compiles kernels); the time is that of the last

Networks: ${[...fullNetworks(512).keys()].join(", ")}
Whole runs: ${[...WHOLE_RUNS.keys()].join(", ")}`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    dtype: { type: "string", default: "f32" },
    weights: { type: "string", default: "full" },
    size: { type: "string", default: "512" },
    passes: { type: "string", default: "2" },
    help: { type: "boolean" },
  },
});

const networks = fullNetworks(Number(values.size));
const chosen = positionals.length > 0 ? positionals : [...networks.keys()];
if (values.help === true || chosen.some((name) => !networks.has(name) && !WHOLE_RUNS.has(name))) {
  console.log(HELP);
  process.exitCode = values.help === true ? 0 : 2;
} else if (chosen.length === 1) await runOne(chosen[0]!);
else for (const name of chosen) runAlone(name);

/** In a process of its own, so that its peak of memory is that of the network. */
function runAlone(name: string): void {
  const { dtype, weights, size, passes } = values;
  const options = ["--dtype", dtype, "--weights", weights, "--size", size, "--passes", passes];
  const { status } = spawnSync(process.execPath, [process.argv[1]!, name, ...options], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}

async function runOne(name: string): Promise<void> {
  const pipeline = WHOLE_RUNS.get(name);
  const line = pipeline ? await wholeRun(pipeline) : await networkPass(networks.get(name)!);
  const { dtype, weights, size } = values;
  console.log(JSON.stringify({ name, dtype, weights, size: Number(size), ...line }));
  if (!line.isFinite) process.exitCode = 1;
}

async function wholeRun(pipeline: Pipeline): Promise<Line> {
  const options = { ...computedIn(), side: Number(values.size) };
  const { image, limitBytes, peakBytes, seconds, adapter } = await runWhole(pipeline, options);
  return {
    adapter,
    seconds: Math.round(seconds),
    limitMiB: mebibytes(limitBytes),
    ...memory(peakBytes),
    ...summary(Float32Array.from(image.data)),
  };
}

async function networkPass({ component, what, declare, renamed }: FullNetwork): Promise<Line> {
  const { dtype, weights } = computedIn();
  using gpu = await openGpu();
  const arena = new Arena(gpu.stream(), dtype, { weights });
  const source = randomSource(component.tensors, dtype === "f16" ? "F16" : "F32");
  using store = new WeightStore(arena, renamed?.(source) ?? source);
  const pass = declare(store.root);
  const loadSeconds = await seconds(() => store.load());
  const loadedBytes = gpu.memory().liveBytes;
  const times: number[] = [];
  let numbers: Float32Array = new Float32Array();
  for (let i = 0; i < Number(values.passes); i++) {
    times.push(
      await seconds(async () => {
        using result = await pass(arena);
        numbers = await result.read();
      }),
    );
  }
  const { peakBytes } = gpu.memory();
  return {
    what,
    adapter: gpu.adapter.description || gpu.adapter.device,
    loadSeconds,
    firstSeconds: times[0],
    seconds: times.at(-1),
    weightMiB: mebibytes(loadedBytes),
    ...memory(peakBytes),
    ...summary(numbers),
  };
}

function computedIn(): { readonly dtype: ComputeType; readonly weights: WeightFormat } {
  return { dtype: values.dtype as ComputeType, weights: values.weights as WeightFormat };
}

/** The most memory that there was of the GPU, and of the process. */
function memory(peakBytes: number): Readonly<Record<string, number>> {
  return { peakMiB: mebibytes(peakBytes), processMiB: mebibytes(process.resourceUsage().maxRSS * 1024) };
}

function summary(numbers: Float32Array): Summary {
  const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
  const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
  return { isFinite: Number.isFinite(variance), deviation: Number(Math.sqrt(variance).toPrecision(3)) };
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return Number(((performance.now() - start) / 1000).toFixed(1));
}

function mebibytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
