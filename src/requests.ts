// All exports of `dalle2-webgpu/requests`: what a person asks for, as plain data, and how it runs.

export {
  REQUEST_DEFAULTS,
  runsPrior,
  samplerNamed,
  TASKS,
  type ImageRequest,
  type PriorSampling,
  type RequestParameters,
  type RequestSettings,
  type Sampling,
  type Task,
} from "./requests/request.js";
export {
  inputsOfImage,
  isSeries,
  MAX_SEED,
  parametersOfImage,
  promptOfImage,
  requestSize,
  seedOfImage,
  type SeriesTask,
  type SizedRequest,
} from "./requests/images.js";
export { imageSizeOf } from "./requests/request-canvas.js";
export { MAX_SIDE } from "./pipeline/canvas.js";
export { fitInpainting, fitMask, type Resize } from "./requests/fit-inpainting.js";
export {
  batchKey,
  inputsOf,
  runRequest,
  runTogether,
  type ImageInput,
  type RequestBatch,
  type RequestEvents,
  type ScriptSource,
} from "./requests/run.js";
export { localScripts } from "./requests/local-scripts.js";
