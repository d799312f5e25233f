import { Option, type Command } from "commander";
import type { ImageFormat } from "../../image/encode.js";
import { CONFIG_NAMES } from "../../pipeline/config-names.js";
import type { CanvasOptions } from "../../pipeline/canvas-options.js";
import type { Offload } from "../../pipeline/manager/offload.js";
import {
  TOKENIZATIONS,
  type DecoderCallOptions,
  type PriorCallOptions,
  type Tokenization,
} from "../../pipeline/script-options.js";
import { unprefixed } from "../../pipeline/settings.js";
import { WEIGHT_FORMATS, type ComputeType, type WeightFormat } from "../../tensor/dtype.js";
import { folderOfModels, nonEmptyText, loadConfig, outputFolder, wholeNumber } from "../option-values.js";
import { DEFAULT_PREVIEW_EVERY } from "./preview-files.js";
import type { SizeFlags } from "./canvas-options.js";
import { addSeedOption, type SeedFlags } from "./seeds.js";
import { addSettingOptions, settingsIn, type NoiseFlags, type SamplingOptions } from "./setting-options.js";

/** Options of every command that generates images, as parsed by commander. `settingsIn` reads the sampling settings. */
export interface GenerationFlags extends ModelFlags, SeedFlags, SizeFlags, NoiseFlags {
  /** Images per subject; undefined if not given. */
  readonly samples?: number;
  readonly decoderBatchSize: number;
  /** Former name of `decoderBatchSize`. */
  readonly batchSize?: number;
  readonly outputPath: string;
  readonly format: ImageFormat;
  readonly overwrite?: boolean;
  /** Sampling steps from one preview to the next; true if given without a number. */
  readonly preview?: number | true;
  readonly grid?: true;
  readonly json?: true;
  /** Components that computed a recorded image in f32 although its dtype is f16. There is no flag for it. */
  readonly computeInF32?: readonly string[];
}

/** Options for which models are used and how they are loaded. */
export interface ModelFlags {
  readonly modelConfig?: string;
  readonly priorFolder?: string;
  readonly dtype?: "auto" | ComputeType;
  readonly weights?: WeightFormat;
  readonly offload?: Offload;
  readonly tokenization?: Tokenization;
  readonly suppressUpdates?: true;
  readonly verbose?: true;
}

/** Options of commands that sample the prior. */
export interface PriorFlags {
  readonly priorBatchSize: number;
  /** Image embeddings that the prior samples for each one that it keeps; undefined if not given. */
  readonly candidates?: number;
}

/** The option of commands that take a negative prompt. */
export interface NegativeFlags {
  readonly negativePrompt?: string;
}

/** Adds the option of `NegativeFlags`. */
export function addNegativeOption(command: Command): Command {
  return command.option(
    "--negative-prompt <text>",
    "what images should not show; needs a guidance scale other than 1",
    nonEmptyText,
  );
}

/** Adds the options of `GenerationFlags`. */
export function addGenerationOptions(command: Command): Command {
  command.optionsGroup("Sampling:").option("-n, --samples <n>", "images per prompt or input (default: 1)", wholeNumber);
  addSeedOption(command, "seed of the first image; each later image has the next seed; -1: random (default: -1)");
  addSettingOptions(command, "decoder")
    .option("--decoder-batch-size <n>", "images per decoder batch; affects only memory and speed", wholeNumber, 10)
    .addOption(new Option("--batch-size <n>", "former name of --decoder-batch-size").argParser(wholeNumber).hideHelp())
    .optionsGroup("Output:")
    .option("-o, --output-path <folder>", "folder for the images", outputFolder, "output")
    .addOption(new Option("--format <format>", "file format").choices(["png", "jpeg", "webp"]).default("png"))
    .option("--overwrite", "replace files of the same name (default: add a number to the new name)")
    .option(
      "--preview [n]",
      `write a preview while an image is generated, NAME-preview.png, every n sampling steps (default: ${DEFAULT_PREVIEW_EVERY})`,
      wholeNumber,
    )
    .option("--grid", "also write a contact sheet of all images: grid-SEED.png")
    .option("--json", "print one JSON array with an object per image");
  return addModelOptions(command);
}

/** Adds the options of `ModelFlags`. */
export function addModelOptions(command: Command): Command {
  return command
    .optionsGroup("Models:")
    .option(
      "--model-config <config>",
      `load config: a name (${CONFIG_NAMES.join(", ")}), the path or URL of a JSON file or of a folder of models, or the id of a folder on the Hugging Face hub, org/name (default: shapes, the included model)`,
      loadConfig,
    )
    .addOption(priorFolderOption())
    .addOption(
      new Option(
        "--dtype <type>",
        "dtype of computation; auto: f16 if the GPU supports it, f32 for models that overflow in f16 (default: auto)",
      ).choices(["auto", "f32", "f16"]),
    )
    .addOption(weightsOption())
    .addOption(
      new Option(
        "--offload <when>",
        "what happens to weights not in use; idle: free their GPU memory (default: never, or idle if GPU memory is short)",
      ).choices(["never", "idle"]),
    )
    .addOption(
      new Option(
        "--tokenization <how>",
        "clip: as CLIP was trained; dalle2-laion: without start and end tokens, as dalle2-laion does (default: clip)",
      ).choices(TOKENIZATIONS),
    )
    .option("-s, --suppress-updates", "use downloaded files without checking for updates")
    .option("-v, --verbose", "show what is loaded, where it runs and how long it takes");
}

/** The option for the folder of the prior, if a folder of models has none or another one is wanted. */
export function priorFolderOption(): Option {
  return new Option(
    "--prior-folder <folder>",
    "folder that the prior and CLIP are taken from: its path, its URL, or its id on the hub (default: the folder of models, or the one that belongs to its decoder)",
  ).argParser(folderOfModels);
}

/** The option for what weights are stored in. */
export function weightsOption(): Option {
  return new Option(
    "--weights <format>",
    "what weights take on the GPU; full: as many bytes as the dtype; int8: a byte each, for slightly other images (default: full)",
  ).choices(WEIGHT_FORMATS);
}

/** Adds the options of `PriorFlags`. */
export function addPriorOptions(command: Command): Command {
  return addSettingOptions(command.optionsGroup("Prior:"), "prior")
    .option(
      "--candidates <n>",
      "image embeddings sampled for each one used; the one most similar to the prompt is used (default: 2; Karlo: 1)",
      wholeNumber,
    )
    .option("--prior-batch-size <n>", "embeddings per prior batch; affects only memory and speed", wholeNumber, 100);
}

/** Sampling options for scripts that run both prior and decoder. */
export function samplingOptions(flags: GenerationFlags & Partial<PriorFlags>): SamplingOptions {
  const { size } = flags;
  return {
    ...priorSampling(flags),
    decoderBatchSize: flags.batchSize ?? flags.decoderBatchSize,
    ...(size === undefined ? {} : { size }),
  };
}

/** The same options, for scripts that only run the prior. */
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

/** The same options, for scripts that only run the decoder. */
export function decoderOptions(flags: GenerationFlags): DecoderCallOptions & Pick<CanvasOptions, "size"> {
  return { ...unprefixed("decoder", samplingOptions(flags)), size: flags.size };
}
