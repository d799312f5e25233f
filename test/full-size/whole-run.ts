// A whole run of a pipeline in its full size, in the GPU memory that its plan says one component at a time needs.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openGpu } from "../../src/gpu/open.js";
import type { RgbImage } from "../../src/image/image.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { planMemory } from "../../src/pipeline/manager/memory-plan.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import type { ComputeType, WeightFormat } from "../../src/tensor/dtype.js";
import { writeFullSizeDecoder, writeFullSizePrior } from "../support/write-kandinsky.js";
import { writeFullSizeStableUnclip } from "../support/write-stable-unclip.js";

/** What a whole run is computed in, and how large its image is. */
export interface WholeRunOptions {
  readonly dtype: ComputeType;
  readonly weights: WeightFormat;
  /** Pixels on a side. */
  readonly side: number;
}

/** What came out: an image, and the memory that it took. */
export interface WholeRunResult {
  readonly image: RgbImage;
  /** Bytes of the plan for one component at a time, which were the limit. */
  readonly limitBytes: number;
  /** The most bytes that were allocated. */
  readonly peakBytes: number;
  /** Seconds of the call, reading of weights included. */
  readonly seconds: number;
  readonly adapter: string;
}

/** A pipeline in its full size. */
export interface Pipeline {
  /** Writes its folders, and returns that of the decoder. */
  readonly write: (folder: string) => { readonly model: string; readonly prior?: string };
  /** Generates an image of `side` pixels. */
  readonly generate: (manager: DalleModelManager, side: number) => Promise<RgbImage>;
}

const STEPS = { decoderSteps: [2], seed: 3 } as const;

/** The pipelines by name. */
export const WHOLE_RUNS: ReadonlyMap<string, Pipeline> = new Map<string, Pipeline>([
  [
    "whole-kandinsky",
    {
      write: (folder) => {
        const [model, prior] = [join(folder, "decoder"), join(folder, "prior")];
        writeFullSizePrior(prior, { hasValues: true });
        writeFullSizeDecoder(model, "unet", { hasValues: true });
        return { model, prior };
      },
      generate: async (manager, side) => {
        using script = new BasicInference(manager);
        const images = await script.run(["a red circle"], { ...STEPS, priorSteps: 2, size: side });
        return images.get(0)!.get(0)![0]!;
      },
    },
  ],
  [
    "whole-stable-unclip",
    {
      write: (folder) => {
        writeFullSizeStableUnclip(folder, { hasValues: true });
        return { model: folder };
      },
      generate: async (manager, side) => {
        using script = new ImageVariation(manager);
        const given = {
          width: 64,
          height: 64,
          channels: 3 as const,
          data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (7 * i) % 256),
        };
        const images = await script.run([given], { ...STEPS, text: "a red circle", size: side });
        return images.get(0)![0]!;
      },
    },
  ],
]);

/**
 * Runs a pipeline with two steps a network. Its files take 10 GB (Kandinsky 2.2) or 4 GB (Stable unCLIP) in the system's folder of
 * temporary files for that time. Rejects with `GpuOutOfMemoryError` if the plan is too small.
 */
export async function runWhole({ write, generate }: Pipeline, options: WholeRunOptions): Promise<WholeRunResult> {
  const { dtype, weights, side } = options;
  const folder = mkdtempSync(join(tmpdir(), "dalle2-whole-"));
  try {
    const { model, prior } = write(folder);
    const config = await ModelLoadConfig.open(model, { prior });
    const limitBytes = await planned(config, options);
    using gpu = await openGpu({ memoryLimit: limitBytes });
    const start = performance.now();
    using manager = await DalleModelManager.create(config, { gpu, dtype, weights, offload: "idle" });
    const image = await generate(manager, side);
    const seconds = (performance.now() - start) / 1000;
    const adapter = gpu.adapter.description || gpu.adapter.device;
    return { image, limitBytes, peakBytes: gpu.memory().peakBytes, seconds, adapter };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** Bytes that one component at a time needs on the adapter of this machine. */
async function planned(config: ModelLoadConfig, { dtype, weights, side }: WholeRunOptions): Promise<number> {
  using gpu = await openGpu();
  const maxBindingSize = gpu.limits.maxStorageBufferBindingSize;
  const plan = await planMemory(config, { dtype, weights, batchSize: 1, size: side, gpu, maxBindingSize });
  return plan.offloadBytes;
}
