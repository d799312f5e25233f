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
import { comparePairs, shareRight, type Judged } from "./lib/pairs.js";
import { isRight, judge } from "../test/support/shapes-measure.js";

const SIDE = 64;
/** Images in a batch: the default batch size of the decoder. */
const BATCH = 10;

const prompts = readFileSync("test/fixtures/shapes-expected/prompts.txt", "utf8").trim().split("\n");
const [file = "results.jsonl", seeds = "10", before = "ddim:24,12", after = "dpmpp2m:12,12"] = process.argv.slice(2);

function read(): Judged[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, "utf8").split("\n");
  return lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Judged);
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
        appendFileSync(file, `${JSON.stringify({ arm, prompt, seed, right } satisfies Judged)}\n`);
      },
    },
  );
}

function report(results: readonly Judged[]): void {
  for (const arm of [before, after]) console.log(shareRight(results, arm));
  for (const line of comparePairs(results, before, after)) console.log(line);
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
