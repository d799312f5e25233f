// What the package offers. Everything is named here once, so that the rest of the package can move.

export { ConfigError } from "./config/config-error.js";
export { ModelLoadConfig, type FileOptions } from "./config/load-config.js";
export type { ModelLoadConfigData } from "./config/load-config-schema.js";
export { Generator } from "./diffusion/generator.js";
export { SamplingError } from "./diffusion/sampling-error.js";
export {
  DeviceLostError,
  GpuError,
  GpuLimitError,
  GpuOutOfMemoryError,
  GpuUnavailableError,
  GpuValidationError,
  ShaderError,
} from "./gpu/errors.js";
export type { AdapterDescription, Gpu, GpuFeatures, GpuOptions } from "./gpu/gpu.js";
export { openGpu, type OpenGpuOptions } from "./gpu/open.js";
export { encodeImage, readImageText, type EncodeOptions, type ImageFormat } from "./image/encode.js";
export {
  centerCropToSquare,
  makeImage,
  maskFromRed,
  removeAlpha,
  type Image,
  type RgbaImage,
  type RgbImage,
} from "./image/image.js";
export { resizeBicubic, resizeLanczos } from "./image/pillow-resize.js";
export type { ImageText } from "./image/png-text.js";
export { BasicInference, type BasicInferenceOptions } from "./pipeline/basic-inference.js";
export { BasicInpainting, type BasicInpaintingOptions } from "./pipeline/basic-inpainting.js";
export type { Embedding } from "./pipeline/embedding.js";
export { ImageVariation, type ImageVariationOptions } from "./pipeline/image-variation.js";
export { Interpolate, type InterpolateOptions } from "./pipeline/interpolate.js";
export { InferenceScript } from "./pipeline/inference-script.js";
export { DalleModelManager, type ManagerOptions } from "./pipeline/model-manager.js";
export type { Json, Picture, PictureParameters } from "./pipeline/picture.js";
export type {
  CallOptions,
  DrawOptions,
  Mask,
  PriorSettings,
  SampleDecoderOptions,
  SamplePriorOptions,
  ScriptOptions,
  ScriptProgress,
  TwoStageOptions,
} from "./pipeline/script-options.js";
export { Upscale, type UpscaleOptions } from "./pipeline/upscale.js";
export { FileError } from "./platform/errors.js";
export { ImageDecodeError, ImageEncodeError, type DecodedImage } from "./platform/image-types.js";
export { openCheckpoint, type Checkpoint } from "./weights/checkpoint.js";
export { FormatError } from "./weights/errors.js";
export { UnsupportedError } from "./weights/unsupported-error.js";
export { WeightError } from "./weights/weight-error.js";
export { decodeImage } from "#platform";
