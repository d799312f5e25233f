// Options of devices and model managers in a worker: those of the library, without what is bound to a thread.
import type { OpenGpuOptions, TuningSource } from "../gpu/open.js";
import type { ManagerOptions } from "../pipeline/manager/model-manager.js";
import type { Sent } from "./options.js";
import type { RemoteGpu } from "./remote-gpu.js";

/** Variants of kernels: a table; or `kept`, which is `keptTuning()` in the worker. */
export type RemoteTuning = Exclude<OpenGpuOptions["tuning"], TuningSource | undefined> | "kept";

/** Options of `WorkerClient.openGpu`: those of `openGpu`. */
export interface RemoteGpuOptions extends Omit<OpenGpuOptions, "tuning"> {
  /** Variants of kernels. Default: the table that was measured on adapters like this one. */
  readonly tuning?: RemoteTuning | undefined;
}

/** Options of `WorkerClient.open`: those of `DalleModelManager.create`. */
export interface RemoteManagerOptions extends Omit<Sent<ManagerOptions>, "gpu" | "tuning"> {
  /** Device of the worker to use. The caller disposes it. Default: the worker opens the device of `devices`. */
  readonly gpu?: RemoteGpu | undefined;
  /** Variants of kernels, if no `gpu` is passed. Default: the table that was measured on adapters like this one. */
  readonly tuning?: RemoteTuning | undefined;
}
