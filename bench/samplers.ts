/**
 * Compares two samplers by how often images of the Shapes model show their prompt. It generates the 40 prompts of the
 * tests, each with many seeds. Images are paired: both samplers start with the same noise. Takes hours on a software
 * adapter, and continues where it was stopped.
 *
 *   npm run build
 *   npx esbuild bench/samplers.ts --bundle --external:dalle2-webgpu --platform=node --format=esm --target=node20 --outfile=.cache/bench/samplers.js
 *   node .cache/bench/samplers.js results.jsonl 10                           # dpmpp2m 12,12 against the default ddim 24,12
 *   node .cache/bench/samplers.js results.jsonl 10 ddim:24,12 ddim:12,12     # any two: SAMPLER:STEPS OF EACH U-NET
 *   node .cache/bench/samplers.js results.jsonl 0                            # only what is in the file
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { BasicInference, DalleModelManager, ModelLoadConfig, type SamplerName } from "dalle2-webgpu";
import { isRight, judge } from "../test/support/shapes-measure.js";

/** One image, and whether it shows its prompt. */
interface Result {
  readonly arm: string;
  readonly prompt: number;
  readonly seed: number;
  readonly right: boolean;
}

const SIDE = 64;
/** Images in a batch: the default batch size of the decoder. */
const BATCH = 10;
const Z95 = 1.96;
const RESAMPLES = 10_000;

const prompts = readFileSync("test/fixtures/shapes-expected/prompts.txt", "utf8").trim().split("\n");
const [file = "results.jsonl", seeds = "10", before = "ddim:24,12", after = "dpmpp2m:12,12"] = process.argv.slice(2);

function read(): Result[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Result);
}

/** Generates the missing images of an arm for some prompts, each with its own seed. */
async function generate(script: BasicInference, arm: string, seed: number, of: readonly number[]): Promise<void> {
  const [sampler, steps = ""] = arm.split(":");
  const done = read();
  const isDone = (prompt: number) => done.some((one) => one.arm === arm && one.seed === seed && one.prompt === prompt);
  const left = of.filter((prompt) => !isDone(prompt));
  if (left.length === 0) return;
  await script.run(
    left.map((prompt) => prompts[prompt]!),
    {
      seeds: left.map((prompt) => 1000 * seed + prompt),
      decoderSampler: sampler as SamplerName,
      decoderSteps: steps.split(",").map(Number),
      onImage: ({ data }, index) => {
        const prompt = left[index]!;
        const right = isRight(judge(prompts[prompt]!, SIDE, data));
        appendFileSync(file, `${JSON.stringify({ arm, prompt, seed, right } satisfies Result)}\n`);
      },
    },
  );
}

/** Returns, for each prompt, the differences after - before of the seeds that both arms have. */
function pairs(results: readonly Result[]): number[][] {
  const key = ({ arm, prompt, seed }: Omit<Result, "right">) => `${arm} ${prompt} ${seed}`;
  const right = new Map(results.map((result) => [key(result), Number(result.right)]));
  return [...prompts.keys()].map((prompt) =>
    [...new Set(results.map(({ seed }) => seed))].flatMap((seed) => {
      const [a, b] = [before, after].map((arm) => right.get(key({ arm, prompt, seed })));
      return a === undefined || b === undefined ? [] : [b - a];
    }),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Returns the 95 % interval of the mean. It resamples prompts, not images, because images of one prompt are similar. */
function bootstrap(byPrompt: readonly (readonly number[])[]): readonly [number, number] {
  let state = 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const means = Array.from({ length: RESAMPLES }, () =>
    mean(byPrompt.flatMap(() => byPrompt[Math.floor(random() * byPrompt.length)]!)),
  ).sort((a, b) => a - b);
  return [means[Math.floor(0.025 * RESAMPLES)]!, means[Math.ceil(0.975 * RESAMPLES) - 1]!];
}

function report(results: readonly Result[]): void {
  const byPrompt = pairs(results).filter((of) => of.length > 0);
  const all = byPrompt.flat();
  if (all.length < 2) {
    console.log("Fewer than two pairs so far.");
    return;
  }
  const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
  for (const arm of [before, after]) {
    const of = results.filter((result) => result.arm === arm);
    console.log(`${arm}: ${percent(mean(of.map(({ right }) => Number(right))))} right of ${of.length} images`);
  }
  const difference = mean(all);
  const spread = Math.sqrt(mean(all.map((value) => (value - difference) ** 2)) / (all.length - 1));
  const [low, high] = bootstrap(byPrompt);
  console.log(
    `${all.length} pairs of ${byPrompt.length} prompts: ${all.filter((d) => d > 0).length} right only by ${after}, ${all.filter((d) => d < 0).length} only by ${before}`,
  );
  console.log(
    `difference ${percent(difference)}; 95 % by pairs ${percent(difference - Z95 * spread)} to ${percent(difference + Z95 * spread)}, by prompts ${percent(low)} to ${percent(high)}`,
  );
}

if (Number(seeds) > 0) {
  const manager = await DalleModelManager.create(await ModelLoadConfig.fromJsonPath("configs/shapes.json"));
  const script = new BasicInference(manager);
  for (let seed = 0; seed < Number(seeds); seed++) {
    // The arms alternate, so that there are complete pairs if it is stopped.
    for (let first = 0; first < prompts.length; first += BATCH) {
      const batch = [...prompts.keys()].slice(first, first + BATCH);
      for (const arm of [before, after]) await generate(script, arm, seed, batch);
    }
    report(read());
  }
  manager.dispose();
} else {
  report(read());
}
