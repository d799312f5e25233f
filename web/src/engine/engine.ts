// What the app needs of the machine that generates images. A worker of this browser is one; a server can be another.
import type {
  AdapterDescription,
  CacheEntry,
  ClipInfo,
  DecoderInfo,
  DownloadProgress,
  GeneratedImage,
  GpuFeatures,
  ImageRecord,
  Image,
  Inspection,
  MemoryPlan,
  PriorInfo,
  RecordedImage,
  RemoteConfig,
  RgbImage,
  RgbaImage,
  ScriptProgress,
  StorageState,
} from "dalle2-webgpu";
import type { ImageRequest } from "dalle2-webgpu/requests";

/** What images say of the device that computed them. */
export interface DeviceName {
  readonly adapter: AdapterDescription;
  /** Id of its tuning table. */
  readonly tuning: string;
}

/** The device of this browser. */
export interface DeviceInfo extends DeviceName {
  readonly features: GpuFeatures;
  readonly maxStorageBufferBindingSize: number;
  /** Undefined if it is not known. */
  readonly memoryBytes: number | undefined;
}

/** A stage of opening a model. */
export type OpenProgress =
  | ({ readonly stage: "download" } & DownloadProgress)
  | {
      readonly stage: "weights";
      /** Name of the component: "U-Net 1". */
      readonly file: string;
      readonly loadedBytes: number;
      readonly totalBytes: number | undefined;
    }
  | { readonly stage: "compile"; readonly compiled: number; readonly total: number };

/** How a model is opened. */
export interface OpenOptions {
  /** Ends downloads; what has arrived is kept, so opening again goes on. */
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: OpenProgress) => void) | undefined;
  /** How records name the load config. Default: its URL or file. */
  readonly recordAs?: string | undefined;
  /** Default: `auto`. */
  readonly dtype?: "auto" | "f32" | "f16" | undefined;
  /** Default: `full`. */
  readonly weights?: "full" | "int8" | undefined;
}

/** Where a job of a server stands before it runs, and when it begins to. */
export type ServedStage =
  | { readonly type: "waiting"; readonly imagesAhead: number }
  | { readonly type: "loading"; readonly fraction: number }
  | { readonly type: "running" };

/** What happens while a job runs. */
export interface JobEvents {
  readonly signal: AbortSignal;
  /** After each sampling step, some with previews. */
  readonly onProgress: (progress: ScriptProgress) => void;
  /** With each image as soon as it is done. `index` counts over the job. */
  readonly onImage: (image: GeneratedImage, index: number) => void;
  readonly onWarning: (message: string) => void;
  /** For jobs of a server. */
  readonly onStage?: ((stage: ServedStage) => void) | undefined;
}

/** A model that is open. */
export interface OpenModel {
  readonly device: DeviceName;
  readonly prior: PriorInfo | undefined;
  readonly decoder: DecoderInfo | undefined;
  readonly clip: ClipInfo | undefined;
  readonly dtype: "f32" | "f16";
  /** Generates the images of a request. Rejects with `Dalle2Error`, or with the reason of the signal. */
  run(request: ImageRequest, events: JobEvents): Promise<readonly GeneratedImage[]>;
  /** Encodes an image of this model as PNG, with the record of how it was generated. */
  encode(image: GeneratedImage, inputs: ImageRecord["inputs"]): Promise<Blob>;
  dispose(): void;
}

/** Generates images, and does what else takes long. Methods reject with `Dalle2Error`. */
export interface Engine {
  /** Opens the device to describe it. */
  device(): Promise<DeviceInfo>;
  open(model: RemoteConfig, options?: OpenOptions): Promise<OpenModel>;
  /** Reads only headers of the model's files. */
  planMemory(model: RemoteConfig, dtype: "f32" | "f16", weights?: "full" | "int8"): Promise<MemoryPlan>;
  inspect(file: File): Promise<Inspection>;
  decodeImage(file: Blob): Promise<RgbaImage>;
  /** Encodes as PNG, without a record. */
  encodeImage(image: Image): Promise<Blob>;
  /** Reads how an image was generated, and the texts of other programs. */
  readRecord(file: File): Promise<RecordedImage>;
  /** Resizes with Pillow's LANCZOS. */
  resize(image: RgbImage, width: number, height: number): Promise<RgbImage>;
  storage(): Promise<StorageState>;
  downloads(): Promise<readonly CacheEntry[]>;
  clearDownloads(isChosen: (entry: CacheEntry) => boolean): Promise<void>;
  dispose(): void;
}
