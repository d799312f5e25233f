import { fileURLToPath } from "node:url";
import { Option, type Command } from "commander";
import type { ComputeType } from "../tensor/dtype.js";
import type { Job } from "./drawing.js";
import { interruptSignal } from "./interrupt.js";
import { collectPrompts, finiteNumber, numbers, seedNumber, wholeNumber, wholeNumbers } from "./option-values.js";
import { askPrompts, readPrompts } from "./prompts.js";

/** The Shapes model, which comes with the package. */
export const SHAPES_CONFIG = fileURLToPath(new URL("../../configs/shapes.json", import.meta.url));

interface Options {
  readonly prompt: readonly string[];
  readonly promptsFile?: string;
  readonly samples: number;
  readonly priorCondScale?: number;
  readonly condScale?: readonly number[];
  readonly priorSteps?: number;
  readonly steps?: readonly number[];
  readonly seed?: number;
  readonly dtype: "auto" | ComputeType;
  readonly batchSize: number;
  readonly priorBatchSize: number;
  readonly outputPath: string;
  readonly modelConfig: string;
  readonly json?: true;
  readonly verbose?: true;
}

export function register(program: Command): void {
  program
    .command("dream")
    .description("draw pictures of prompts")
    .option("--prompt <text>", "what to draw; may be given several times", collectPrompts, [])
    .option("--prompts-file <file>", "prompts from a file: one per line, or a JSON array")
    .option("--samples <n>", "pictures of each prompt", wholeNumber, 1)
    .option("--prior-cond-scale <scale>", "guidance of the prior (default: the model's)", finiteNumber)
    .option("--cond-scale <scales>", "guidance of the decoder: one number, or one for each U-Net: 2,1", numbers)
    .option("--prior-steps <n>", "sampling steps of the prior (default: the model's)", wholeNumber)
    .option("--steps <n>", "sampling steps of the decoder: one number, or one for each U-Net: 24,12", wholeNumbers)
    .option("--seed <n>", "seed of the first picture; the next has the next (default: a random one)", seedNumber)
    .addOption(
      new Option("--dtype <type>", "what the models compute in; auto: f16 on GPUs that have it")
        .choices(["auto", "f32", "f16"])
        .default("auto"),
    )
    .option("--batch-size <n>", "pictures decoded at once; changes memory and speed, not pictures", wholeNumber, 10)
    .option("--prior-batch-size <n>", "embeddings computed at once", wholeNumber, 100)
    .option("--output-path <folder>", "where the PNG files go", "output")
    .option("--model-config <file>", "load config of the models (default: the Shapes model)", SHAPES_CONFIG)
    .option("--json", "print one JSON array of {prompt, file, seed, width, height}")
    .option("--verbose", "say what is loaded, where it runs and how long it takes")
    .action(dream);
}

async function dream(options: Options): Promise<void> {
  const { outputPath, json = false, verbose = false } = options;
  const prompts = await gatherPrompts(options);
  const seed = options.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]!;
  const jobs = prompts
    .flatMap((prompt) => new Array<string>(options.samples).fill(prompt))
    .map((prompt, i): Job => ({ prompt, seed: seed + i }));
  const { drawPictures } = await import("./draw-pictures.js");
  const { savePicture } = await import("./pictures.js");
  const records: object[] = [];
  const pictures = drawPictures(jobs, {
    modelConfig: options.modelConfig,
    dtype: options.dtype,
    priorCondScale: options.priorCondScale,
    condScale: oneOrEach(options.condScale),
    priorSteps: options.priorSteps,
    steps: oneOrEach(options.steps),
    batchSize: options.batchSize,
    priorBatchSize: options.priorBatchSize,
    verbose,
    quiet: json && !verbose,
    signal: interruptSignal(),
  });
  for await (const { job, image } of pictures) {
    const file = await savePicture(outputPath, job, image);
    records.push({ prompt: job.prompt, file, seed: job.seed, width: image.width, height: image.height });
    if (!json) console.log(`${file}  (seed ${job.seed})`);
  }
  if (json) console.log(JSON.stringify(records, null, 2));
}

async function gatherPrompts({ prompt, promptsFile }: Options): Promise<readonly string[]> {
  const prompts = [...prompt, ...(promptsFile === undefined ? [] : await readPrompts(promptsFile))];
  return prompts.length > 0 ? prompts : askPrompts();
}

function oneOrEach(values: readonly number[] | undefined): number | readonly number[] | undefined {
  return values?.length === 1 ? values[0] : values;
}
