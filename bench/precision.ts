/**
 * Compares dtypes and formats of weights by how often images of the Shapes model show their prompt, and by the distance of their
 * pixels. It generates the 40 prompts of the tests, each with many seeds. Images are paired: all arms start with the same noise.
 * Takes hours on a software adapter, and continues where it was stopped.
 *
 *   npm run build
 *   npx esbuild bench/precision.ts --bundle --external:webgpu --external:sharp --platform=node --format=esm --target=node20 --outfile=.cache/bench/precision.mjs
 *   node .cache/bench/precision.mjs results.jsonl 10                   # f32 against f16, and both with weights in int8
 *   node .cache/bench/precision.mjs results.jsonl 10 f32 f32:int8      # others: DTYPE or DTYPE:WEIGHTS; the first is compared with
 *   node .cache/bench/precision.mjs results.jsonl 0                    # only what is in the file
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import {
  BasicInference,
  DalleModelManager,
  openGpu,
  type ComputeType,
  type GpuDevice,
  type WeightFormat,
} from "dalle2-webgpu";
import { comparePairs, mean, shareRight, type Judged } from "./lib/pairs.js";
import { isRight, judge } from "../test/support/shapes-measure.js";

/** One image, and how far it is from the one of the first arm. */
interface Result extends Judged {
  /** Mean square error of its bytes. */
  readonly squares: number;
}

const SIDE = 64;
/** Images in a batch: the default batch size of the decoder. */
const BATCH = 10;

const prompts = readFileSync("test/fixtures/shapes-expected/prompts.txt", "utf8").trim().split("\n");
const [file = "results.jsonl", seeds = "10", ...asked] = process.argv.slice(2);
const arms = asked.length > 0 ? asked : ["f32", "f16", "f32:int8", "f16:int8"];

function read(): Result[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Result);
}

function open(gpu: GpuDevice, arm: string): Promise<DalleModelManager> {
  const [dtype, weights = "full"] = arm.split(":") as [ComputeType, WeightFormat?];
  return DalleModelManager.create("configs/shapes.json", { gpu, dtype, weights });
}

/** Returns the bytes of the images of some prompts, each from its own seed. */
async function generate(manager: DalleModelManager, seed: number, of: readonly number[]): Promise<Uint8Array[]> {
  const images: Uint8Array[] = [];
  await new BasicInference(manager).run(
    of.map((prompt) => prompts[prompt]!),
    {
      seeds: of.map((prompt) => 1000 * seed + prompt),
      onImage: ({ data }, index) => {
        images[index] = Uint8Array.from(data);
      },
    },
  );
  return images;
}

function meanSquare(a: Uint8Array, b: Uint8Array): number {
  return mean([...a].map((value, i) => (value - b[i]!) ** 2));
}

/** Generates some prompts by every arm, and adds them to the file together, so that it has only complete pairs. */
async function compare(managers: ReadonlyMap<string, DalleModelManager>, seed: number, of: readonly number[]) {
  const lines: string[] = [];
  let first: readonly Uint8Array[] | undefined;
  for (const [arm, manager] of managers) {
    const images = await generate(manager, seed, of);
    first ??= images;
    for (const [i, data] of images.entries()) {
      const prompt = of[i]!;
      const right = isRight(judge(prompts[prompt]!, SIDE, data));
      lines.push(JSON.stringify({ arm, prompt, seed, right, squares: meanSquare(data, first[i]!) } satisfies Result));
    }
  }
  appendFileSync(file, `${lines.join("\n")}\n`);
}

/** Peak signal-to-noise ratio of bytes, in dB. */
function psnr(squares: number): string {
  return squares === 0 ? "equal" : `${(10 * Math.log10(255 ** 2 / squares)).toFixed(1)} dB`;
}

function report(results: readonly Result[]): void {
  const [base, ...others] = arms;
  if (base === undefined || results.length === 0) return;
  console.log(shareRight(results, base));
  for (const arm of others) {
    const squares = results.filter((one) => one.arm === arm).map((one) => one.squares);
    if (squares.length === 0) continue;
    squares.sort((a, b) => a - b);
    const at = (share: number): string => psnr(squares[Math.floor(share * (squares.length - 1))]!);
    console.log(shareRight(results, arm));
    for (const line of comparePairs(results, base, arm)) console.log(`  ${line}`);
    console.log(`  PSNR against ${base}: median ${at(0.5)}, 5 % below ${at(0.95)}, lowest ${at(1)}`);
  }
}

async function run(): Promise<void> {
  using gpu = await openGpu();
  console.log(`${gpu.adapter.description}, tuning ${gpu.tuning.id}`);
  const usable = arms.filter((arm) => gpu.features.f16 || !arm.startsWith("f16"));
  if (usable.length < arms.length) console.log("The adapter has no shader-f16: only arms in f32.");
  const managers = new Map<string, DalleModelManager>();
  for (const arm of usable) managers.set(arm, await open(gpu, arm));
  for (let seed = 0; seed < Number(seeds); seed++) {
    for (let first = 0; first < prompts.length; first += BATCH) {
      const done = read();
      const isDone = (arm: string, prompt: number) =>
        done.some((one) => one.arm === arm && one.seed === seed && one.prompt === prompt);
      const batch = [...prompts.keys()].slice(first, first + BATCH);
      if (!batch.every((prompt) => usable.every((arm) => isDone(arm, prompt)))) await compare(managers, seed, batch);
    }
    console.log(`\nseeds 0 to ${seed}`);
    report(read());
  }
  for (const manager of managers.values()) manager.dispose();
}

if (Number(seeds) > 0) await run();
else report(read());
