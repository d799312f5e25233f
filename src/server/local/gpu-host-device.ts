import { isUrl } from "../../files/open.js";
import type { GpuDevice } from "../../gpu/device.js";
import { openGpu, type OpenGpuOptions } from "../../gpu/open.js";
import type { ImageSize } from "../../pipeline/canvas-options.js";
import { isConfigName } from "../../pipeline/config-names.js";
import { ModelLoadConfig } from "../../pipeline/load-config.js";
import { planMemory, type MemoryPlanOptions } from "../../pipeline/manager/memory-plan.js";
import { DalleModelManager } from "../../pipeline/manager/model-manager.js";
import type { GeneratedOn } from "../../pipeline/records/image-record.js";
import { localScripts } from "../../requests/local-scripts.js";
import type { ImageRequest } from "../../requests/request.js";
import { requestWarnings } from "../../requests/warnings.js";
import type { ComputeType } from "../../tensor/dtype.js";
import type { HostDevice, HostedModel, ModelFacts, ModelMemory, OpenModel, OpenOptions } from "./host-device.js";
import { OpeningFraction } from "./opening-fraction.js";

/** Images of the larger batch that memory is counted for: the default batch of the library. */
const PLANNED_IMAGES = 10;

/** The GPU of this process. */
export class GpuHostDevice implements HostDevice {
  readonly lost: Promise<string>;

  /** The host disposes `gpu`. */
  constructor(private readonly gpu: GpuDevice) {
    this.lost = gpu.device.lost.then(({ reason, message }) => `${reason}: ${message}`);
  }

  /** Rejects with `GpuUnavailableError` if there is no adapter. */
  static async open(options?: Pick<OpenGpuOptions, "memoryLimit" | "tuning" | "prefer">): Promise<GpuHostDevice> {
    return new GpuHostDevice(await openGpu(options));
  }

  get adapter() {
    return this.gpu.adapter;
  }

  get tuning(): string {
    return this.gpu.tuning.id;
  }

  get memoryBytes(): number | undefined {
    return this.gpu.memoryBytes;
  }

  get usedBytes(): number {
    const { liveBytes, pooledBytes } = this.gpu.memory();
    return liveBytes + pooledBytes;
  }

  async describe(model: HostedModel, signal?: AbortSignal): Promise<ModelFacts> {
    const config = await openConfig(model, signal);
    const { dtype: asked, weights } = model;
    const quiet = { onWarning: () => undefined, signal };
    using manager = await DalleModelManager.create(config, {
      ...quiet,
      gpu: this.gpu,
      dtype: asked,
      weights,
      remote: "ranges",
    });
    const { prior, decoder, clip, defaults, dtype } = manager;
    const memory = await this.#plan(config, { ...quiet, dtype, weights });
    return { prior, decoder, clip, defaults, dtype, memory };
  }

  async planMemory(model: HostedModel, dtype: ComputeType, size: ImageSize): Promise<ModelMemory> {
    const config = await openConfig(model, undefined);
    return this.#plan(config, { onWarning: () => undefined, dtype, weights: model.weights, size });
  }

  async #plan(
    config: ModelLoadConfig,
    options: Omit<MemoryPlanOptions, "batchSize" | "maxBindingSize" | "gpu">,
  ): Promise<ModelMemory> {
    const { gpu } = this;
    const { maxStorageBufferBindingSize: maxBindingSize } = gpu.limits;
    const plan = (batchSize: number) => planMemory(config, { ...options, batchSize, maxBindingSize, gpu });
    const [one, many] = [await plan(1), await plan(PLANNED_IMAGES)];
    return {
      weightBytes: one.components.reduce((sum, { weightBytes }) => sum + weightBytes, 0),
      images: PLANNED_IMAGES,
      loadedBytes: [one.loadedBytes, many.loadedBytes],
      offloadBytes: [one.offloadBytes, many.offloadBytes],
    };
  }

  async open(model: HostedModel, { offload, onFraction, onWarning, signal }: OpenOptions): Promise<OpenModel> {
    const config = await openConfig(model, signal);
    const fraction = new OpeningFraction(onFraction);
    const opening = new AbortController();
    const stop = (): void => {
      opening.abort(signal?.reason);
    };
    // What the manager downloads later must not end with the job that opened it.
    signal?.addEventListener("abort", stop);
    const manager = await DalleModelManager.create(config, {
      gpu: this.gpu,
      dtype: model.dtype,
      weights: model.weights,
      offload,
      remote: "early",
      onWarning,
      onProgress: (progress) => {
        fraction.load(progress);
      },
      signal: opening.signal,
    }).finally(() => signal?.removeEventListener("abort", stop));
    try {
      const compiled = manager.warmup({
        signal,
        onProgress: (progress) => {
          fraction.compile(progress);
        },
      });
      const [loaded] = await Promise.allSettled([manager.load(signal), compiled]);
      if (loaded.status === "rejected") throw loaded.reason;
      await compiled;
      // Reads samples of whole files, so it waits for their downloads.
      const generatedOn = await manager.generatedOn({ config: publicName(model), signal });
      return new LoadedModel(manager, generatedOn);
    } catch (error) {
      manager.dispose();
      throw error;
    }
  }

  dispose(): void {
    this.gpu.dispose();
  }
}

class LoadedModel implements OpenModel {
  readonly scripts;

  constructor(
    private readonly manager: DalleModelManager,
    readonly generatedOn: GeneratedOn,
  ) {
    this.scripts = localScripts(manager);
  }

  warningsFor(request: ImageRequest): Promise<readonly string[]> {
    return requestWarnings(this.manager, request);
  }

  offloadIdle(): void {
    this.manager.offloadIdle();
  }

  dispose(): void {
    this.manager.dispose();
    // Another model takes its memory.
    this.manager.gpu.trim();
  }
}

function openConfig(
  { name, config = name, prior }: HostedModel,
  signal: AbortSignal | undefined,
): Promise<ModelLoadConfig> {
  return ModelLoadConfig.open(config, { signal, prior, onWarning: () => undefined });
}

/** How records name the load config: paths of this machine are not for callers. Undefined: as it is named by itself. */
function publicName({ name, config = name }: HostedModel): string | undefined {
  return isConfigName(config) || isUrl(config) ? undefined : name;
}
