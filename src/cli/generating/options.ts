import { Option, type Command } from "commander";
import type { ImageFormat } from "../../image/encode.js";
import { CONFIG_NAMES } from "../../pipeline/config-names.js";
import type { Offload } from "../../pipeline/manager/offload.js";
import {
  TOKENIZATIONS,
  type DecoderCallOptions,
  type PriorCallOptions,
  type Tokenization,
} from "../../pipeline/script-options.js";
import { unprefixed } from "../../pipeline/settings.js";
import type { ComputeType } from "../../tensor/dtype.js";
import { filledText, loadConfig, outputFolder, wholeNumber } from "../option-values.js";
import { DEFAULT_PREVIEW_EVERY } from "./preview-files.js";
import { addSeedOption, type SeedFlags } from "./seeds.js";
import { addSettingOptions, settingsIn, type SamplingOptions } from "./setting-options.js";

/** Options of every command that generates images, as commander gives them; beside them stand settings, which `settingsIn` finds. */
export interface GenerationFlags extends ModelFlags, SeedFlags {
  /** Images of each subject; undefined where it was not said. */
  readonly samples?: number;
  readonly decoderBatchSize: number;
  /** Earlier name of `decoderBatchSize`. */
  readonly batchSize?: number;
  readonly outputPath: string;
  readonly format: ImageFormat;
  readonly overwrite?: boolean;
  /** Sampling steps from one preview to the next; true where the number was not given. */
  readonly preview?: number | true;
  readonly grid?: true;
  readonly json?: true;
  /** Components that computed a recorded image in f32 though the rest was in half precision; no option of its own. */
  readonly computeInF32?: readonly string[];
}

/** Which models a command uses, and how they are loaded. */
export interface ModelFlags {
  readonly modelConfig?: string;
  readonly dtype?: "auto" | ComputeType;
  readonly offload?: Offload;
  readonly tokenization?: Tokenization;
  readonly suppressUpdates?: true;
  readonly verbose?: true;
}

/** Options of commands that sample the prior. */
export interface PriorFlags {
  readonly priorBatchSize: number;
  /** Image embeddings of which the prior keeps one; undefined where it was not said. */
  readonly candidates?: number;
}

/** Option of commands that take a negative prompt. */
export interface NegativeFlags {
  readonly negativePrompt?: string;
}

/** Adds the option of `NegativeFlags`. */
export function addNegativeOption(command: Command): Command {
  return command.option(
    "--negative-prompt <text>",
    "what images must not show; it needs a guidance scale other than 1",
    filledText,
  );
}

/** Adds the options of `GenerationFlags`. */
export function addGenerationOptions(command: Command): Command {
  command.optionsGroup("Sampling:").option("-n, --samples <n>", "images of each (default: 1)", wholeNumber);
  addSeedOption(
    command,
    "seed of the first image, -1 for a random one; each image after it has the next seed (default: -1)",
  );
  addSettingOptions(command, "decoder")
    .option("--decoder-batch-size <n>", "images decoded at once; changes memory and speed only", wholeNumber, 10)
    .addOption(new Option("--batch-size <n>", "earlier name of the same").argParser(wholeNumber).hideHelp())
    .optionsGroup("Output:")
    .option("-o, --output-path <folder>", "folder of the images", outputFolder, "output")
    .addOption(new Option("--format <format>", "of the files").choices(["png", "jpeg", "webp"]).default("png"))
    .option("--overwrite", "replace files of the same name; otherwise a number is added to the new name")
    .option(
      "--preview [n]",
      `show images as they form: NAME-preview.png, renewed every n sampling steps (default: ${DEFAULT_PREVIEW_EVERY})`,
      wholeNumber,
    )
    .option("--grid", "write all images on one sheet as well: grid-SEED.png")
    .option("--json", "print one JSON array with an object for each image");
  return addModelOptions(command);
}

/** Adds the options of `ModelFlags`. */
export function addModelOptions(command: Command): Command {
  return command
    .optionsGroup("Models:")
    .option(
      "--model-config <config>",
      `load config of the models: a name (${CONFIG_NAMES.join(", ")}), or a path or URL of a JSON file (default: shapes, the embedded model)`,
      loadConfig,
    )
    .addOption(
      new Option(
        "--dtype <type>",
        "what the models compute in; auto: f16 on GPUs that have it, f32 where that overflows (default: auto)",
      ).choices(["auto", "f32", "f16"]),
    )
    .addOption(
      new Option("--offload <which>", "weights on the GPU (default: what its memory allows)").choices([
        "never",
        "idle",
      ]),
    )
    .addOption(
      new Option(
        "--tokenization <how>",
        "clip: as the CLIP was trained; dalle2-laion: without start and end tokens, as upstream's scripts do (default: clip)",
      ).choices(TOKENIZATIONS),
    )
    .option("-s, --suppress-updates", "use what was downloaded before without asking its server")
    .option("-v, --verbose", "say what is loaded, where it runs and how long it takes");
}

/** Adds the options of `PriorFlags`. */
export function addPriorOptions(command: Command): Command {
  return addSettingOptions(command.optionsGroup("Prior:"), "prior")
    .option(
      "--candidates <n>",
      "image embeddings computed for each that is kept, the one most like the prompt (default: 2)",
      wholeNumber,
    )
    .option("--prior-batch-size <n>", "embeddings computed at once; changes memory and speed only", wholeNumber, 100);
}

/** How prior and decoder are to sample, as options of scripts that run both. */
export function samplingOptions(flags: GenerationFlags & Partial<PriorFlags>): SamplingOptions {
  return { ...priorSampling(flags), decoderBatchSize: flags.batchSize ?? flags.decoderBatchSize };
}

/** The same of scripts that run the prior alone. */
export function priorOptions(flags: PriorFlags): PriorCallOptions {
  return unprefixed("prior", priorSampling(flags));
}

function priorSampling(flags: Partial<PriorFlags>): SamplingOptions {
  return {
    ...settingsIn(flags),
    ...(flags.candidates === undefined ? {} : { priorNumSamplesPerBatch: flags.candidates }),
    priorBatchSize: flags.priorBatchSize,
  };
}

/** The same of scripts that run the decoder alone. */
export function decoderOptions(flags: GenerationFlags): DecoderCallOptions {
  return unprefixed("decoder", samplingOptions(flags));
}
