import { loadavg } from "node:os";
import { checkNoiseLevel } from "../../models/per-stage.js";
import { ModelLoadConfig } from "../../pipeline/load-config.js";
import type { LoadingOptions } from "../../pipeline/manager/loading-options.js";
import { DalleModelManager } from "../../pipeline/manager/model-manager.js";
import type { GeneratedImage } from "../../pipeline/generated-image.js";
import { tryFolder } from "../../platform/node-temporary-files.js";
import { differences } from "../../pipeline/records/generated-on.js";
import type { GeneratedOn } from "../../pipeline/records/image-record.js";
import type { ScriptOptions } from "../../pipeline/script-options.js";
import { keptTuning } from "../../tuning/kept.js";
import { counted } from "../../platform/counted.js";
import { samplingOptions, type GenerationFlags, type ModelFlags, type PriorFlags } from "./options.js";
import type { GenerationPlan } from "./plan.js";
import { print, printJson, say as sayLine } from "../output.js";
import { formatDtype } from "../report-text.js";
import { Grid, gridOf, type Sheet } from "./grid.js";
import { checkEncoder, reportLine, writeImage, type ImageReport } from "./image-output.js";
import { prepareFolder } from "./place-file.js";
import { DEFAULT_PREVIEW_EVERY, PreviewFiles } from "./preview-files.js";
import { formatDuration } from "./progress-line.js";
import { ProgressReport } from "./progress.js";
import { seedsOf } from "./seeds.js";
import { checkPerUnet } from "./setting-options.js";

type Flags = GenerationFlags & Partial<PriorFlags>;

/**
 * Loads the models and generates the images of a plan. `plan` makes the plan once the models are open; `sampling` are the
 * sampling options that the plan will use, for the warm-up. Disposes of the models at the end.
 */
export async function generateImages(
  flags: Flags,
  signal: AbortSignal,
  plan: (manager: DalleModelManager, scripts: ScriptOptions) => GenerationPlan | Promise<GenerationPlan>,
  sampling = samplingOptions(flags),
): Promise<void> {
  const progress = new ProgressReport(flags.json === true && flags.verbose !== true);
  const say = flags.verbose ? sayLine : () => undefined;
  const begin = performance.now();
  const loading = loadingOptions(flags, signal, progress);
  const { modelConfig = "shapes", priorFolder } = flags;
  const config = await ModelLoadConfig.open(modelConfig, { signal, prior: priorFolder });
  // Check before anything is downloaded or computed.
  tryFolder(flags.outputPath);
  await checkEncoder(flags.format);
  const { dtype, weights, offload, computeInF32 } = flags;
  const tuning = keptTuning({ onWarning: progress.warn });
  using manager = await DalleModelManager.create(config, { ...loading, dtype, weights, offload, computeInF32, tuning });
  checkPerUnet(sampling, manager.decoder?.unets.length ?? 0);
  const stages = manager.decoder?.unets.map((info) => ({ info }));
  if (stages) checkNoiseLevel(stages, { noiseLevel: sampling.decoderNoiseLevel });
  const generation = await plan(manager, { onWarning: progress.warn, tokenization: flags.tokenization });
  await prepareFolder(flags.outputPath);
  const { unused } = generation;
  await both(manager.warmup({ ...sampling, signal }), unused ? manager.load(signal, unused) : Promise.resolve());
  progress.clear();
  // Reads samples of the whole files, so it waits for their downloads.
  const generatedOn = await manager.generatedOn({ signal });
  if (generation.repeats) differences(generation.repeats, generatedOn).forEach(progress.warn);
  const ready = performance.now();
  say(`${generatedOn.adapter}, ${formatDtype(generatedOn)}; ${config.source}`);
  say(`Models opened${unused ? " and loaded" : ""} and kernels compiled in ${formatDuration(ready - begin)}.`);

  const count = await generateAndWrite(generation, { flags, generatedOn, progress, signal });
  const mebibytes = Math.round(manager.gpu.memory().peakBytes / 2 ** 20);
  const load = loadavg().map((one) => one.toFixed(1));
  say(
    `${counted(count, "image")} in ${formatDuration(performance.now() - ready)}, at most ${mebibytes} MiB of GPU memory; load average ${load.join(" ")}.`,
  );
}

/** Waits for two tasks until both have ended. Rejects with the error of the second, or else of the first. */
async function both(first: Promise<void>, second: Promise<void>): Promise<void> {
  const outcomes = await Promise.allSettled([second, first]);
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed) throw failed.reason;
}

interface Run {
  readonly flags: GenerationFlags;
  readonly generatedOn: GeneratedOn;
  readonly progress: ProgressReport;
  readonly signal: AbortSignal;
}

/**
 * Writes each image as soon as it is generated, so that it remains if a later one fails or the command is interrupted. Prints
 * the file names or, with `--json`, the reports of the images written. Returns the number of images.
 */
async function generateAndWrite(
  { images, generate }: GenerationPlan,
  { flags, generatedOn, progress, signal }: Run,
): Promise<number> {
  const reports: ImageReport[] = [];
  const grid = flags.grid ? new Grid(generatedOn, flags) : undefined;
  const previews = new PreviewFiles(
    images.map(({ name }) => name),
    {
      folder: flags.outputPath,
      overwrite: flags.overwrite ?? false,
      say: flags.json ? () => undefined : progress.warn,
    },
  );
  const onImage = async (image: GeneratedImage, index: number): Promise<void> => {
    const report = await writeImage(image, images[index]!, generatedOn, flags);
    await previews.remove(index);
    grid?.add(image, report, images[index]!);
    reports.push(report);
    progress.clear();
    if (!flags.json) print(reportLine(report));
  };
  progress.start();
  try {
    await generate({
      ...seedsOf(images),
      signal,
      onImage,
      previewEvery: flags.preview === true ? DEFAULT_PREVIEW_EVERY : flags.preview,
      onProgress: (step) => {
        progress.step(step);
        if (step.preview) previews.show(step.preview, step.previewIndex!);
      },
    });
  } finally {
    progress.end();
    await previews.removeAll();
    await finish(reports, grid, flags);
  }
  return reports.length;
}

/** Writes the sheets of finished images, even if the run was interrupted, and prints what is not printed yet. */
async function finish(
  reports: readonly ImageReport[],
  grid: Grid | undefined,
  { json }: GenerationFlags,
): Promise<void> {
  let sheets: readonly Sheet[] = [];
  try {
    sheets = (await grid?.write()) ?? [];
  } finally {
    if (json) printJson(reports.map((report) => ({ ...report, ...gridOf(report, sheets) })));
    else for (const { file } of sheets) print(file);
  }
}

/** Options for loading models, which report warnings and progress to `progress`. */
export function loadingOptions(flags: ModelFlags, signal: AbortSignal, progress: ProgressReport): LoadingOptions {
  return {
    signal,
    checkUpdates: flags.suppressUpdates !== true,
    onWarning: progress.warn,
    onProgress: (loaded) => {
      progress.load(loaded);
    },
  };
}
