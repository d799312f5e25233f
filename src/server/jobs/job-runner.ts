import type { AdapterDescription } from "../../gpu/adapter.js";
import type { DefaultSettings } from "../../pipeline/manager/default-settings.js";
import type { ClipInfo, DecoderInfo, PriorInfo } from "../../pipeline/manager/model-info.js";
import type { ComputeType } from "../../tensor/dtype.js";
import type { FinishedImage, Job } from "./job.js";

/** A model that the server offers. */
export interface ServedModel {
  /** The name that callers use. */
  readonly name: string;
  /** Whether its weights are ready on a GPU now. Others are loaded when they are needed. */
  readonly isLoaded: boolean;
}

/** A device that generates images. */
export interface ServedDevice {
  readonly adapter: AdapterDescription;
  /** Id of its tuning table. */
  readonly tuning: string;
  /** Bytes of GPU memory that tensors may take; undefined if it is not known. */
  readonly memoryBytes: number | undefined;
  /** Bytes in use. */
  readonly usedBytes: number;
}

/** What an open model can do. */
export interface ServedModelInfo extends ServedModel {
  readonly prior: PriorInfo | undefined;
  readonly decoder: DecoderInfo | undefined;
  readonly clip: ClipInfo | undefined;
  readonly defaults: DefaultSettings;
  readonly dtype: ComputeType;
  /** The device that it runs on. */
  readonly device: ServedDevice;
}

/** The load of a runner, for health checks and metrics. */
export interface RunnerStatus {
  /** Whether jobs can be run now: a device is open, or a worker is there. */
  readonly isReady: boolean;
  /** Why not. */
  readonly reason?: string | undefined;
  readonly waitingJobs: number;
  readonly runningJobs: number;
  readonly devices: readonly ServedDevice[];
  /** How often a device was lost since the start; absent if it is not known. */
  readonly deviceLosses?: number | undefined;
}

/** Options of `JobRunner.close`. */
export interface CloseOptions {
  /** Milliseconds for what runs. What is not done then is aborted. */
  readonly graceMs: number;
}

/** Runs jobs: on the GPU of this process, or by workers behind a queue. */
export interface JobRunner {
  /** The models that it offers, in the order in which they are listed. */
  models(): Promise<readonly ServedModel[]>;
  /** Describes a model, and opens it for that if it is not open. Rejects with `ServerError` if the name is unknown. */
  describe(model: string, signal?: AbortSignal): Promise<ServedModelInfo>;
  /**
   * Puts a job into the queue and resolves with its images when it is done. Rejects with `ServerError` (unknown model, full
   * queue, no worker, closing), with `Dalle2Error` if the model cannot do it, or with the reason of the signal.
   */
  run(job: Job): Promise<readonly FinishedImage[]>;
  status(): Promise<RunnerStatus>;
  /** Takes no more jobs, gives back those that wait, and ends those that run. */
  close(options: CloseOptions): Promise<void>;
}
