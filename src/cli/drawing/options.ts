import { Option, type Command } from "commander";
import { SAMPLER_NAMES, type SamplerName } from "../../diffusion/sampler.js";
import type { ImageFormat } from "../../image/encode.js";
import type { Residency } from "../../pipeline/manager/residence.js";
import type { ComputeType } from "../../tensor/dtype.js";
import { filledText, finiteNumber, numbers, seedNumber, wholeNumber, wholeNumbers } from "../option-values.js";

/** Options of every command that draws, as commander gives them. */
export interface DrawingFlags {
  /** Pictures of each subject; undefined where it was not said. */
  readonly samples?: number;
  readonly seed?: number;
  readonly condScale?: readonly number[];
  readonly steps?: readonly number[];
  readonly sampler?: SamplerName;
  readonly decoderBatchSize: number;
  /** Earlier name of `decoderBatchSize`. */
  readonly batchSize?: number;
  readonly outputPath: string;
  readonly format: ImageFormat;
  readonly overwrite?: boolean;
  readonly json?: true;
  readonly modelConfig?: string;
  readonly dtype?: "auto" | ComputeType;
  /** Components that computed a recorded picture in f32 though the rest was in half precision; no option of its own. */
  readonly computeInF32?: readonly string[];
  readonly residency?: Residency;
  readonly suppressUpdates?: true;
  readonly verbose?: true;
}

/** Options of commands that draw with the prior. */
export interface PriorFlags {
  readonly priorCondScale?: number;
  readonly priorSteps?: number;
  readonly priorSampler?: SamplerName;
  readonly priorBatchSize: number;
}

/** Option of commands that take a negative prompt. */
export interface NegativeFlags {
  readonly negativePrompt?: string;
}

/** Adds the option of `NegativeFlags`. */
export function addNegativeOption(command: Command): Command {
  return command.option("--negative-prompt <text>", "what pictures are to be unlike; it takes guidance", filledText);
}

/** Adds the options of `DrawingFlags`. */
export function addDrawingOptions(command: Command): Command {
  return command
    .optionsGroup("Sampling:")
    .option("--samples <n>", "pictures of each (default: 1)", wholeNumber)
    .option("--seed <n>", "seed of the first picture; the next has the next (default: a random one)", seedNumber)
    .option("--cond-scale <scales>", "guidance of the decoder: one number, or one for each U-Net: 2,1", numbers)
    .option("--steps <n>", "sampling steps of the decoder: one number, or one for each U-Net: 24,12", wholeNumbers)
    .addOption(new Option("--sampler <name>", "sampler of the decoder (default: the model's)").choices(SAMPLER_NAMES))
    .option("--decoder-batch-size <n>", "pictures decoded at once; changes memory and speed only", wholeNumber, 10)
    .addOption(new Option("--batch-size <n>", "earlier name of the same").argParser(wholeNumber).hideHelp())
    .optionsGroup("Output:")
    .option("--output-path <folder>", "where the pictures go", "output")
    .addOption(new Option("--format <format>", "of the files").choices(["png", "jpeg", "webp"]).default("png"))
    .option("--overwrite", "replace files of the same name; otherwise a number is added to the new name")
    .option("--json", "print one JSON array with an object for each picture")
    .option("-v, --verbose", "say what is loaded, where it runs and how long it takes")
    .optionsGroup("Models:")
    .option("--model-config <file>", "load config of the models (default: the Shapes model, which comes along)")
    .addOption(
      new Option(
        "--dtype <type>",
        "what the models compute in; auto: f16 on GPUs that have it, f32 where that overflows (default: auto)",
      ).choices(["auto", "f32", "f16"]),
    )
    .addOption(
      new Option("--residency <which>", "weights on the GPU (default: what its memory allows)").choices([
        "keep",
        "one-at-a-time",
      ]),
    )
    .option("-s, --suppress-updates", "use what was downloaded before without asking its server");
}

/** Adds the options of `PriorFlags`. */
export function addPriorOptions(command: Command): Command {
  return command
    .optionsGroup("Prior:")
    .option("--prior-cond-scale <scale>", "guidance of the prior (default: the model's)", finiteNumber)
    .option("--prior-steps <n>", "sampling steps of the prior (default: the model's)", wholeNumber)
    .addOption(
      new Option("--prior-sampler <name>", "sampler of the prior (default: the model's)").choices(SAMPLER_NAMES),
    )
    .option("--prior-batch-size <n>", "embeddings computed at once; changes memory and speed only", wholeNumber, 100);
}

/** The flags as options of scripts that run the decoder alone. */
export function decoderOptions(flags: DrawingFlags) {
  return {
    condScale: oneOrEach(flags.condScale),
    timesteps: oneOrEach(flags.steps),
    sampler: flags.sampler,
    batchSize: flags.batchSize ?? flags.decoderBatchSize,
  };
}

/** The flags as options of scripts that run prior and decoder. */
export function priorAndDecoderOptions(flags: DrawingFlags & PriorFlags) {
  const { condScale, timesteps, sampler, batchSize } = decoderOptions(flags);
  return {
    priorCondScale: flags.priorCondScale,
    priorTimesteps: flags.priorSteps,
    priorSampler: flags.priorSampler,
    priorBatchSize: flags.priorBatchSize,
    decoderCondScale: condScale,
    decoderTimesteps: timesteps,
    decoderSampler: sampler,
    decoderBatchSize: batchSize,
  };
}

/** One number stands for all U-Nets. */
function oneOrEach(values: readonly number[] | undefined): number | readonly number[] | undefined {
  return values?.length === 1 ? values[0] : values;
}
