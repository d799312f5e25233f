// The classes of the library's errors. A page that has no other part of the library needs them so that errors of the worker
// are instances of their classes.
import { ConfigError } from "../config/config-error.js";
import { NotFiniteError, SamplingError } from "../diffusion/sampling-error.js";
import { TransientError } from "../files/http-error.js";
import { QuotaError } from "../files/space.js";
import { ChangedError } from "../files/changed.js";
import {
  DeviceLostError,
  GpuError,
  GpuLimitError,
  GpuOutOfMemoryError,
  GpuUnavailableError,
  GpuValidationError,
  ShaderError,
} from "../gpu/errors.js";
import { DialectError } from "../models/dialect-error.js";
import { ShapeError } from "../ops/shape-error.js";
import { WeightMemoryError } from "../pipeline/manager/offload.js";
import { ArgumentError } from "../platform/arguments.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { DisposedError } from "../platform/disposed-error.js";
import { ERROR_CODES, type ErrorCode } from "../platform/error-codes.js";
import { FileError } from "../platform/errors.js";
import { ImageDecodeError, ImageEncodeError, ImageLibraryError } from "../platform/image-types.js";
import { InternalError } from "../platform/internal-error.js";
import { JsonError } from "../platform/json.js";
import { TooLargeError } from "../platform/limits.js";
import { PromptTooLongError } from "../tokenizer/prompt-too-long.js";
import { FormatError, TruncatedError } from "../weights/errors.js";
import { UnsupportedError } from "../weights/unsupported-error.js";
import { WeightError } from "../weights/weight-error.js";
import { WorkerError } from "./worker-error.js";

/** What all classes have in common. */
interface ErrorClass {
  readonly code: ErrorCode;
  fromJSON(json: unknown): Dalle2Error;
}

/** Every class but those of the command line. */
const CLASSES: readonly ErrorClass[] = [
  Dalle2Error,
  ArgumentError,
  ChangedError,
  ConfigError,
  DeviceLostError,
  DialectError,
  DisposedError,
  FileError,
  FormatError,
  GpuError,
  GpuLimitError,
  GpuOutOfMemoryError,
  GpuUnavailableError,
  GpuValidationError,
  ImageDecodeError,
  ImageEncodeError,
  ImageLibraryError,
  InternalError,
  JsonError,
  NotFiniteError,
  PromptTooLongError,
  QuotaError,
  SamplingError,
  ShaderError,
  ShapeError,
  TooLargeError,
  TransientError,
  TruncatedError,
  UnsupportedError,
  WeightError,
  WeightMemoryError,
  WorkerError,
];

/** The same by name. */
export const ERROR_CLASSES: ReadonlyMap<string, ErrorClass> = new Map(
  CLASSES.map((one) => [ERROR_CODES[one.code].class, one]),
);
