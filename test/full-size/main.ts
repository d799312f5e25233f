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

/** The networks by name, for images of `side` pixels. */
function fullNetworks(side: number): ReadonlyMap<string, FullNetwork> {
  return new Map([...kandinskyNetworks(side), ...stableUnclipNetworks(side)]);
}

const HELP = `npm run full-size -- [NETWORK ...] [options]

Runs one pass of each network of Kandinsky 2.2 and of Stable unCLIP in its full size, each in a process of its own, with random weights that
take no space on the disk, and prints its time and its memory: of the GPU (weights and all), and the most that the process had.

  --dtype f32|f16   default f32
  --weights int8    weights of products in a byte each
  --size N          pixels on a side (default 512)
  --passes N        passes (default 2: the first one compiles kernels); the time is that of the last

Networks: ${[...fullNetworks(512).keys()].join(", ")}`;

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
if (values.help === true || chosen.some((name) => !networks.has(name))) {
  console.log(HELP);
  process.exitCode = values.help === true ? 0 : 2;
} else if (chosen.length === 1) await runNetwork(chosen[0]!);
else for (const name of chosen) runAlone(name);

/** In a process of its own, so that its peak of memory is that of the network. */
function runAlone(name: string): void {
  const { dtype, weights, size, passes } = values;
  const options = ["--dtype", dtype, "--weights", weights, "--size", size, "--passes", passes];
  const { status } = spawnSync(process.execPath, [process.argv[1]!, name, ...options], { stdio: "inherit" });
  if (status !== 0) process.exitCode = 1;
}

async function runNetwork(name: string): Promise<void> {
  const { component, what, declare, renamed } = networks.get(name)!;
  const dtype = values.dtype as ComputeType;
  using gpu = await openGpu();
  const arena = new Arena(gpu.stream(), dtype, { weights: values.weights as WeightFormat });
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
  const line = {
    network: name,
    what,
    dtype,
    weights: values.weights,
    adapter: gpu.adapter.description || gpu.adapter.device,
    loadSeconds,
    firstSeconds: times[0],
    seconds: times.at(-1),
    weightMiB: mebibytes(loadedBytes),
    peakMiB: mebibytes(peakBytes),
    processMiB: mebibytes(process.resourceUsage().maxRSS * 1024),
    ...summary(numbers),
  };
  console.log(JSON.stringify(line));
  if (!line.isFinite) process.exitCode = 1;
}

function summary(numbers: Float32Array): { readonly isFinite: boolean; readonly deviation: number } {
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
