// A device that opens models, as the host of models sees it.
import type { AdapterDescription } from "../../gpu/adapter.js";
import type { DefaultSettings } from "../../pipeline/manager/default-settings.js";
import type { ManagerOptions } from "../../pipeline/manager/model-manager.js";
import type { ModelInfos } from "../../pipeline/manager/model-info.js";
import type { Offload } from "../../pipeline/manager/offload.js";
import type { ImageSize } from "../../pipeline/canvas-options.js";
import type { GeneratedOn } from "../../pipeline/records/image-record.js";
import type { ImageRequest } from "../../requests/request.js";
import type { ScriptSource } from "../../requests/run.js";
import type { ComputeType } from "../../tensor/dtype.js";

/** A model that can be opened. */
export interface HostedModel extends Pick<ManagerOptions, "dtype" | "weights" | "offload"> {
  /** The name that callers use. */
  readonly name: string;
  /** Name, path or URL of its load config, a folder of models, or an id on the hub. Default: `name`. */
  readonly config?: string | undefined;
  /** The folder that its prior and CLIP are taken from: its path, URL, or id on the hub. Default: that of `ModelLoadConfig.open`. */
  readonly prior?: string | undefined;
}

/** GPU memory of a model, counted by a dry run, for a batch of one image of a size and for one of `images`. */
export interface ModelMemory {
  /** Bytes of all weights. */
  readonly weightBytes: number;
  /** Images of the larger batch, 2 or more. */
  readonly images: number;
  /** Bytes at most, with all weights on the GPU. */
  readonly loadedBytes: readonly [one: number, images: number];
  /** Bytes at most, with one component at a time on the GPU. */
  readonly offloadBytes: readonly [one: number, images: number];
}

/** What is known of a model once its files were opened. */
export interface ModelFacts extends ModelInfos {
  readonly defaults: DefaultSettings;
  readonly dtype: ComputeType;
  /** For images of the model's own size. */
  readonly memory: ModelMemory;
}

/** A model whose weights are on the GPU. */
export interface OpenModel {
  readonly scripts: ScriptSource;
  /** What records of its images say of model and device. */
  readonly generatedOn: GeneratedOn;
  /** Returns the warnings for a request alone: they quote its prompts, so no other request may see them. */
  warningsFor(request: ImageRequest): Promise<readonly string[]>;
  /** Frees the GPU memory of components that are not in use. */
  offloadIdle(): void;
  dispose(): void;
}

/** Options of `HostDevice.open`. */
export interface OpenOptions {
  readonly offload: Offload;
  /** Called with the share that is done, 0 to 1. It does not fall. */
  readonly onFraction: (fraction: number) => void;
  readonly onWarning: (message: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/** A device that opens models. */
export interface HostDevice {
  readonly adapter: AdapterDescription;
  /** Id of its tuning table. */
  readonly tuning: string;
  /** Bytes that tensors may take; undefined if it is not known. */
  readonly memoryBytes: number | undefined;
  /** Bytes that are allocated. */
  readonly usedBytes: number;
  /** Resolves with the reason when the device was lost or disposed. */
  readonly lost: Promise<string>;
  /** Reads what is known of a model from the headers of its files. No weights come to the GPU. */
  describe(model: HostedModel, signal?: AbortSignal): Promise<ModelFacts>;
  /** Counts the memory of a model for images of a size. It needs headers of its files only. */
  planMemory(model: HostedModel, dtype: ComputeType, size: ImageSize): Promise<ModelMemory>;
  /** Opens a model, loads its weights, and compiles its kernels. */
  open(model: HostedModel, options: OpenOptions): Promise<OpenModel>;
  dispose(): void;
}

/** Opens a device. */
export type OpenHostDevice = () => Promise<HostDevice>;
