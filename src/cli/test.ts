import type { Command } from "commander";
import { counted } from "../platform/counted.js";
import { ModelLoadConfig } from "../pipeline/load-config.js";
import type { LoadingOptions } from "../pipeline/manager/loading-options.js";
import { DalleModelManager } from "../pipeline/manager/model-manager.js";
import { checkFiles, type FileReport } from "./check-files.js";
import { oneConfig } from "./default-config.js";
import { formatBytes } from "../platform/format-bytes.js";
import { keptTuning } from "../tuning/kept.js";
import { interruptSignal } from "./interrupt.js";
import { loadConfig } from "./option-values.js";
import { print, printJson, say } from "./output.js";
import { priorFolderOption } from "./generating/options.js";
import { ProgressReport } from "./generating/progress.js";

interface Flags {
  readonly modelConfig?: string;
  readonly priorFolder?: string;
  readonly load: boolean;
  readonly suppressUpdates?: true;
  readonly json?: boolean;
}

/** What `dalle2 test --json` prints. */
export interface ConfigReport {
  /** Path or URL of the load config, without secrets. */
  readonly config: string;
  readonly files: readonly FileReport[];
  /** Null with --no-load, or if a file cannot be opened. */
  readonly models: ModelsReport | null;
}

export interface ModelsReport {
  readonly adapter: string;
  readonly dtype: string;
  readonly prior: PriorReport | null;
  readonly decoder: readonly UnetReport[];
  readonly clip: { readonly make: string; readonly model: string } | null;
}

export interface PriorReport {
  /** The library that saved the checkpoint. */
  readonly family: string;
  /** The library version whose format is assumed; null if all versions are alike. */
  readonly version: string | null;
}

export interface UnetReport {
  readonly unetNumber: number;
  /** Side of its output images, in pixels. */
  readonly imageSize: number;
}

export function register(program: Command): void {
  program
    .command("test")
    .description("check a load config: find or download its files, print their checksums, load the models")
    .argument(
      "[config]",
      "name, path or URL of a load config or of a folder of models, or its id on the hub (default: shapes, the included model)",
      loadConfig,
    )
    .option("--model-config <config>", "same as the argument", loadConfig)
    .addOption(priorFolderOption())
    .option("--no-load", "do not load the models; needs no GPU")
    .option("-s, --suppress-updates", "use downloaded files without checking for updates")
    .option("--json", "print one JSON object")
    .action(async (argument: string | undefined, _, self: Command) => {
      const flags = self.optsWithGlobals<Flags>();
      const report = await test({ ...flags, modelConfig: oneConfig(argument, flags.modelConfig) });
      if (flags.json) printJson(report);
      else print(formatReport(report));
      if (report.files.some(isFaulty)) process.exitCode = 1;
    });
}

async function test({
  modelConfig = "shapes",
  priorFolder,
  load,
  suppressUpdates,
  json = false,
}: Flags): Promise<ConfigReport> {
  const signal = interruptSignal();
  const progress = new ProgressReport(json);
  const options: LoadingOptions = {
    signal,
    checkUpdates: suppressUpdates !== true,
    onWarning: (message) => {
      progress.clear();
      say(message);
    },
    onProgress: (loaded) => {
      progress.load(loaded);
    },
  };
  const config = await ModelLoadConfig.open(modelConfig, { signal, prior: priorFolder });
  const files = await checkFiles(config, options);
  progress.clear();
  const models = load && !files.some(isFaulty) ? await loadModels(config, options) : null;
  progress.clear();
  return { config: config.source, files, models };
}

/** Loads each component onto the GPU, one at a time, so that the GPU needs memory for only one of them. */
async function loadModels(config: ModelLoadConfig, options: LoadingOptions): Promise<ModelsReport> {
  using manager = await DalleModelManager.create(config, { ...options, tuning: keptTuning(options), offload: "idle" });
  const { prior, decoder, clip, gpu, dtype } = manager;
  await manager.loadEachComponent(options.signal);
  return {
    adapter: gpu.adapter.description || gpu.adapter.device,
    dtype,
    prior: prior ? { family: prior.family, version: prior.version ?? null } : null,
    decoder: (decoder?.unets ?? []).map(({ imageSize }, i) => ({ unetNumber: i + 1, imageSize })),
    clip: clip ? { make: clip.make, model: clip.model } : null,
  };
}

function isFaulty({ problem }: FileReport): boolean {
  return problem !== null;
}

function formatReport({ config, files, models }: ConfigReport): string {
  const faults = files.filter(isFaulty).length;
  return [
    files.every(({ place }) => place.startsWith("pipeline"))
      ? `${config}: a folder of models`
      : `${config} is a valid load config.`,
    ...files.map(formatFile),
    ...(faults > 0 ? [`${faults} of ${counted(files.length, "file")} cannot be used.`] : []),
    ...(models ? [formatModels(models)] : []),
  ].join("\n\n");
}

function formatFile({ place, location, path, bytes, checksumFile, sha256, problem }: FileReport): string {
  return [
    place,
    `  ${location}`,
    ...(path === null || path === location ? [] : [`  at ${path}`]),
    ...(bytes === null ? [] : [`  ${formatBytes(bytes)}`]),
    ...(checksumFile === null ? [] : [`  Checksum: ${checksumFile}`]),
    ...(sha256 === null ? [] : [`  SHA-256: ${sha256}`]),
    ...(problem === null ? [] : [`  Cannot be used: ${problem}`]),
  ].join("\n");
}

function formatModels({ adapter, dtype, prior, decoder, clip }: ModelsReport): string {
  const sizes = decoder.map(({ unetNumber, imageSize }) => `U-Net ${unetNumber}: ${imageSize} pixels`);
  return [
    `All models load on ${adapter}, in ${dtype}:`,
    ...(prior
      ? [`  prior, read as ${prior.version === null ? "" : `version ${prior.version} of `}${prior.family}`]
      : []),
    ...(decoder.length > 0 ? [`  decoder: ${sizes.join(", ")}`] : []),
    ...(clip ? [`  CLIP: ${clip.model} (${clip.make})`] : []),
  ].join("\n");
}
