// All exports of the package.

// `Symbol.dispose`, for projects whose `lib` does not have it.
/// <reference lib="esnext.disposable" preserve="true" />

export { ArgumentError } from "./platform/arguments.js";
export {
  adviceBeside,
  Dalle2Error,
  type Dalle2ErrorJson,
  type Dalle2ErrorOptions,
  type ErrorPlace,
} from "./platform/dalle2-error.js";
export { ERROR_CODES, type CodeEntry, type CodeOf, type ErrorCode } from "./platform/error-codes.js";
export { ERROR_MEANINGS } from "./platform/error-meanings.js";
export { ConfigError } from "./config/config-error.js";
export { CONFIG_NAMES, type ConfigName } from "./pipeline/config-names.js";
export { DataRequirements, type DataGiven } from "./pipeline/data-requirements.js";
export {
  ModelLoadConfig,
  type ConfigLocation,
  type ConfigOptions,
  type FileOptions,
  type NamedFile,
  type OpenConfigOptions,
} from "./pipeline/load-config.js";
export type {
  ClipSource,
  DecoderSource,
  FileLocation,
  FolderLocation,
  ModelLoadConfigData,
  ModelSource,
  PipelineLocation,
  PriorSource,
  UnetSource,
} from "./config/load-config-data.js";
export { Generator } from "./diffusion/generator.js";
export type { AskedSettings, CascadeSettings, NetworkSettings } from "./diffusion/settings.js";
export { SAMPLER_NAMES, type SamplerName } from "./diffusion/samplers.js";
export { NotFiniteError, SamplingError, type NotFinitePlace } from "./diffusion/sampling-error.js";
export { TransientError } from "./files/http-error.js";
export { ChangedError } from "./files/changed.js";
export { clearCache, listCache, type CacheEntry } from "./files/cache.js";
export type { OpenUrlOptions } from "./files/http.js";
export { droppedFolder, type Dropped } from "./files/dropped.js";
export type { DroppedEntry, DroppedItem, FileHandle, FolderHandle } from "./files/handles.js";
export type { GivenFile, GivenFolder, GivenPath } from "./files/folder/given-folder.js";
export { openSource } from "./files/open.js";
export type { PublishedFile } from "./files/publication.js";
export { openRemote } from "./files/downloads.js";
export type { RemoteFile, RemoteOptions } from "./files/remote-options.js";
export type { DownloadProgress } from "./files/running-download.js";
export { QuotaError } from "./files/space.js";
export { storageState, type StorageState } from "./files/storage-state.js";
export type { HttpOptions } from "./files/request.js";
export type { Patience } from "./files/patience.js";
export { UnreachableHosts } from "./files/unreachable-hosts.js";
export {
  DeviceLostError,
  GpuError,
  GpuLimitError,
  GpuOutOfMemoryError,
  GpuUnavailableError,
  GpuValidationError,
  ShaderError,
} from "./gpu/errors.js";
export { adapterName, type AdapterDescription, type GpuFeatures, type MatrixSize } from "./gpu/adapter.js";
export type { GpuCounters } from "./gpu/counters.js";
export type { GpuDevice, GpuOptions } from "./gpu/device.js";
export type { KernelTime } from "./gpu/timing.js";
export type { GpuLimits, WebGpuDevice } from "./gpu/web-gpu-device.js";
export { openGpu, type OpenGpuOptions, type TuningSource } from "./gpu/open.js";
export type { GpuMemory } from "./gpu/pool.js";
export type {
  AttentionRule,
  DeviceFacts,
  GroupNormRule,
  ProductRule,
  TuningTable,
  WinogradForm,
  WinogradRule,
} from "./gpu/tuning.js";
export { decodeImage } from "./image/decode.js";
export { encodeImage, readImageText, type EncodeOptions, type ImageFormat } from "./image/encode.js";
export {
  centerCropToSquare,
  makeImage,
  removeAlpha,
  type Image,
  type ByteImage,
  type RgbaImage,
  type RgbImage,
} from "./image/image.js";
export {
  imagesInFolder,
  isImageFile,
  isJsonFile,
  isTextFile,
  loadImage,
  loadImages,
  loadRgbaImage,
  promptFromFileName,
} from "./image/image-files.js";
export { maskFromImage, maskFromRed, type MaskChannel, type MaskOptions } from "./image/mask.js";
export { resizeBicubic, resizeLanczos } from "./image/pillow-resize.js";
export type { ImageText } from "./image/png-text.js";
export type { Inspection } from "./models/inspection.js";
export { DialectError } from "./models/dialect-error.js";
export type { StageInfo, TextShape } from "./models/stage-info.js";
export { openCheckpoint } from "./models/open-checkpoint.js";
export { BasicInference, type BasicInferenceOptions } from "./pipeline/scripts/basic-inference.js";
export { BasicInpainting, type BasicInpaintingOptions } from "./pipeline/scripts/basic-inpainting.js";
export { Embed, type MixOptions } from "./pipeline/scripts/embed.js";
export type { Embedding, EmbeddingPair, Row } from "./pipeline/embedding.js";
export {
  readEmbeddings,
  writeEmbeddings,
  type ImageEmbedded,
  type PriorEmbedded,
  type StoredEmbeddings,
  type TextEmbedded,
} from "./pipeline/records/embeddings-file.js";
export {
  encodeRecorded,
  readImageRecord,
  type GeneratedOn,
  type ImageRecord,
  type RecordedImage,
  type RecordingOptions,
} from "./pipeline/records/image-record.js";
export type { ModelFile } from "./pipeline/records/model-identity.js";
export {
  TimeEstimate,
  type DecoderWork,
  type NetworkWork,
  type PriorWork,
  type ScriptWork,
  type WorkPlan,
} from "./pipeline/time-estimate.js";
export { ImageVariation, type ImageVariationOptions } from "./pipeline/scripts/image-variation.js";
export { Interpolate, type InterpolateOptions } from "./pipeline/scripts/interpolate.js";
export { InferenceScript, type ScriptArguments, type WithManagerOptions } from "./pipeline/inference-script.js";
export {
  planMemory,
  type ComponentMemory,
  type MemoryPlan,
  type MemoryPlanOptions,
} from "./pipeline/manager/memory-plan.js";
export { DisposedError } from "./platform/disposed-error.js";
export type { DefaultSettings } from "./pipeline/manager/default-settings.js";
export type { ClipInfo, DecoderInfo, PriorInfo } from "./pipeline/manager/model-info.js";
export type { LoadingOptions, LoadProgress } from "./pipeline/manager/loading-options.js";
export { DalleModelManager, type DescribeOptions, type ManagerOptions } from "./pipeline/manager/model-manager.js";
export type { WarmupOptions, WarmupProgress } from "./pipeline/manager/warmup.js";
export type { Json, JsonOptions, GeneratedImage, ImageParameters } from "./pipeline/generated-image.js";
export type { NoiseOrigin, OneSeed, Randomness, RandomOptions } from "./pipeline/randomness.js";
export { WeightMemoryError, type Offload } from "./pipeline/manager/offload.js";
export type {
  CallOptions,
  DecoderCallOptions,
  DecoderData,
  GenerateOptions,
  Mask,
  NegativeOptions,
  PriorCallOptions,
  SampleDecoderOptions,
  SamplePriorOptions,
  ScriptOptions,
  ScriptProgress,
  SharedOptions,
  StrengthOptions,
  TwoStageOptions,
} from "./pipeline/script-options.js";
export type { CanvasOptions, ImageSize } from "./pipeline/canvas-options.js";
export type { AskedPriorSettings, Prefixed, PriorSettings, Stage } from "./pipeline/settings.js";
export { TextGuidedEdit, type TextGuidedEditOptions } from "./pipeline/scripts/text-guided-edit.js";
export { Upscale, type UpscaleOptions } from "./pipeline/scripts/upscale.js";
export { FileError } from "./platform/errors.js";
export { InternalError } from "./platform/internal-error.js";
export { TooLargeError } from "./platform/limits.js";
export { ImageDecodeError, ImageEncodeError, ImageLibraryError, type DecodedImage } from "./platform/image-types.js";
export type { ByteSource } from "./platform/source.js";
export { PromptTooLongError } from "./tokenizer/prompt-too-long.js";
export { JsonError } from "./platform/json.js";
export { ShapeError } from "./ops/shape-error.js";
export type { ComputeType, WeightFormat } from "./tensor/dtype.js";
export type { Checkpoint, CheckpointOptions } from "./weights/checkpoint.js";
export type { Dtype, EntryDtype } from "./weights/dtypes.js";
export type { SmallFloat } from "./weights/small-floats.js";
export { FormatError, TruncatedError } from "./weights/errors.js";
export type { InspectedTensor, InspectedTensors } from "./weights/inspect.js";
export type { Container } from "./weights/state-dict.js";
export type { WeightsChoice } from "./weights/tree/choose-model.js";
export type { StateDictKey } from "./weights/tree/key.js";
export type { ModelKind } from "./weights/tree/model-names.js";
export type { RowRange, TensorChunk, TensorEntry, UnsupportedTensor } from "./weights/tensor-entry.js";
export type { Skipped } from "./weights/tree/skipped.js";
export { UnsupportedError } from "./weights/unsupported-error.js";
export { WeightError, type Misshapen, type WeightProblems } from "./weights/weight-error.js";
export { forgetTuning, keepTuning, keptTuning, readKeptTuning, type KeptTuningOptions } from "./tuning/kept.js";
export { parseTuningTable } from "./tuning/table.js";
export { tuneGpu, type TuneOptions, type TuningDecision, type TuningResult, type TuningTime } from "./tuning/tune.js";
export {
  createWorkerClient,
  type InspectOptions,
  type WorkerClient,
  type WorkerClientOptions,
} from "./worker/client.js";
export type { RemoteMethod, Sent, SentArguments, ThreadBound } from "./worker/options.js";
export type { ConfigDescription } from "./worker/descriptions.js";
export type { RemoteConfig, RemoteConfigContent } from "./worker/remote-config.js";
export type { RemoteGpu } from "./worker/remote-gpu.js";
export type { RemoteManager } from "./worker/remote-manager.js";
export type { RemoteGpuOptions, RemoteManagerOptions, RemoteTuning } from "./worker/remote-options.js";
export type { LibraryScripts, RemoteScript, ScriptClass, ScriptClasses } from "./worker/scripts.js";
export { serveWorker, type ServeOptions } from "./worker/serve.js";
export { WorkerError } from "./worker/worker-error.js";
export type { WorkerLike } from "./worker/worker-like.js";
