// What the worker has open for the page: devices and model managers, by the id of their handle.
import type { GpuDevice } from "../../gpu/device.js";
import { openGpu, type OpenGpuOptions } from "../../gpu/open.js";
import type { GpuLimits } from "../../gpu/web-gpu-device.js";
import { DalleModelManager, type ManagerOptions } from "../../pipeline/manager/model-manager.js";
import { DisposedError } from "../../platform/disposed-error.js";
import { keptTuning } from "../../tuning/kept.js";
import type { GpuDescription, ManagerDescription } from "../descriptions.js";
import type { RemoteConfig } from "../remote-config.js";
import type { RemoteTuning } from "../remote-options.js";
import { openConfig } from "./library.js";

/** Options with a name for the kept tuning table, which is found by a function. */
type Named<Options> = Omit<Options, "tuning" | "gpu"> & { readonly tuning?: RemoteTuning | undefined };

interface Opened {
  readonly gpu: GpuDevice;
  readonly manager?: DalleModelManager;
  /** What is to be called when it is closed. */
  onClose?: () => void;
}

/** Devices and managers by the ids that the page gave them. */
export class OpenedObjects {
  readonly #opened = new Map<number, Opened>();

  /** `onLost` gets the id of a handle whose device was lost. */
  constructor(private readonly onLost: (handle: number) => void) {}

  async openGpu(handle: number, options: Named<OpenGpuOptions> = {}): Promise<GpuDescription> {
    this.close(handle);
    const gpu = await openGpu({ ...options, tuning: tuningOf(options) });
    this.#add(handle, { gpu });
    return describeGpu(gpu);
  }

  async openManager(
    handle: number,
    config: RemoteConfig,
    options: Named<ManagerOptions> = {},
    gpuHandle?: number,
  ): Promise<ManagerDescription> {
    this.close(handle);
    const shared = gpuHandle === undefined ? undefined : this.gpu(gpuHandle);
    const loaded = { ...options, tuning: tuningOf(options), gpu: shared };
    const manager = await DalleModelManager.create(await openConfig(config, options), loaded);
    this.#add(handle, { gpu: manager.gpu, manager });
    return describeManager(manager);
  }

  #add(handle: number, opened: Opened): void {
    this.#opened.set(handle, opened);
    void opened.gpu.device.lost.then(() => {
      if (this.#opened.get(handle) === opened) this.onLost(handle);
    });
  }

  /** The device of a handle: its own, or that of its manager. */
  gpu(handle: number): GpuDevice {
    return this.#get(handle).gpu;
  }

  manager(handle: number): DalleModelManager {
    return this.#get(handle).manager ?? closed();
  }

  #get(handle: number): Opened {
    return this.#opened.get(handle) ?? closed();
  }

  /** Calls a function when what a handle stands for is closed; at once if it is not open. */
  whenClosed(handle: number, onClose: () => void): void {
    const opened = this.#opened.get(handle);
    if (opened) opened.onClose = onClose;
    else onClose();
  }

  /** Disposes what a handle stands for. Does nothing if it is not open. */
  close(handle: number): void {
    const opened = this.#opened.get(handle);
    this.#opened.delete(handle);
    (opened?.manager ?? opened?.gpu)?.dispose();
    opened?.onClose?.();
  }
}

function closed(): never {
  throw new DisposedError("It was disposed.", { code: "worker/disposed" });
}

function tuningOf({ tuning }: { readonly tuning?: RemoteTuning | undefined }): OpenGpuOptions["tuning"] {
  return tuning === "kept" ? keptTuning() : tuning;
}

/** Names of the limits; those of WebGPU are no properties that can be cloned. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
  "maxComputeWorkgroupsPerDimension",
] as const satisfies readonly (keyof GpuLimits)[];

function describeGpu({ adapter, features, limits, tuning, memoryBytes }: GpuDevice): GpuDescription {
  const plain = Object.fromEntries(LIMITS.map((name) => [name, limits[name]])) as Record<keyof GpuLimits, number>;
  return { adapter, features, limits: plain, tuning, memoryBytes };
}

function describeManager(manager: DalleModelManager): ManagerDescription {
  const { config, gpu, prior, decoder, clip, dtype, weightFormat, defaults } = manager;
  const { source, data } = config;
  return { config: { source, data }, gpu: describeGpu(gpu), prior, decoder, clip, dtype, weightFormat, defaults };
}
