import { loadavg } from "node:os";
import { ModelLoadConfig } from "../config/load-config.js";
import type { RgbImage } from "../image/image.js";
import { DalleModelManager } from "../pipeline/model-manager.js";
import type { ComputeType } from "../tensor/dtype.js";
import { Drawing, type DrawingOptions, type Job } from "./drawing.js";
import { formatDuration, ProgressReport } from "./progress.js";

export interface DrawPicturesOptions extends Omit<DrawingOptions, "onProgress"> {
  /** Path of the load config. */
  readonly modelConfig: string;
  readonly dtype: "auto" | ComputeType;
  /** Say what is loaded, where it runs and how long it takes. */
  readonly verbose: boolean;
  /** Show no progress. */
  readonly quiet: boolean;
}

/** Loads the models, draws the pictures one batch after the other, and frees everything in the end or when left early. */
export async function* drawPictures(
  jobs: readonly Job[],
  options: DrawPicturesOptions,
): AsyncGenerator<{ job: Job; image: RgbImage }> {
  const { signal, verbose } = options;
  const say = (message: string): void => {
    if (verbose) console.error(message);
  };
  const begin = performance.now();
  const config = await ModelLoadConfig.fromJsonPath(options.modelConfig);
  using manager = await DalleModelManager.create(config, { dtype: options.dtype, signal, onWarning: console.error });
  const { adapter } = manager.gpu;
  say(`${adapter.description || adapter.device}, ${manager.arena.dtype}; ${options.modelConfig}`);
  await manager.warmup({ priorCondScale: options.priorCondScale, decoderCondScale: options.condScale });
  const ready = performance.now();
  say(`Models loaded and kernels compiled in ${formatDuration(ready - begin)}.`);

  const drawing = new Drawing(manager, { onWarning: console.error });
  const batchSizes = { prior: options.priorBatchSize, decoder: options.batchSize };
  const report = new ProgressReport(drawing.plan(jobs.length, options), jobs.length, batchSizes, options.quiet);
  let drawn = 0;
  const onProgress: DrawingOptions["onProgress"] = (progress) => {
    report.update(progress, drawn);
  };
  try {
    for await (const picture of drawing.draw(jobs, { ...options, onProgress })) {
      report.clear();
      drawn++;
      yield picture;
    }
  } finally {
    report.clear();
  }
  const { peakBytes } = manager.gpu.memory();
  const load = loadavg().map((one) => one.toFixed(1));
  say(
    `${drawn} pictures in ${formatDuration(performance.now() - ready)}, at most ${Math.round(peakBytes / 2 ** 20)} MiB of GPU memory; load average ${load.join(" ")}.`,
  );
}
