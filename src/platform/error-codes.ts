/** What is known of a code. `ERROR_MEANINGS` says what was wrong. */
export interface CodeEntry {
  /** The class that has this code. */
  readonly class: string;
  /** What to do, for errors without advice of their own. */
  readonly advice: string;
}

/**
 * Every code of the library's errors. Codes are stable, so programs can test them. The part before the slash is the subject.
 * `docs/errors.md` is generated from this table and `ERROR_MEANINGS`.
 */
const TABLE = {
  "argument/invalid": {
    class: "ArgumentError",
    advice: "Pass a value that the message allows.",
  },
  "argument/out-of-range": {
    class: "ArgumentError",
    advice: "Pass a number within the range that the message names.",
  },
  "argument/conflict": {
    class: "ArgumentError",
    advice: "Pass only one of the two options.",
  },
  "argument/missing": {
    class: "ArgumentError",
    advice: "Pass the option that the message names.",
  },
  "argument/mismatch": {
    class: "ArgumentError",
    advice: "Pass lists of the same length, and images and embeddings of the size that the message names.",
  },
  "argument/no-effect": {
    class: "ArgumentError",
    advice: "Leave the option out, or change the other options.",
  },
  "cli/usage": {
    class: "UsageError",
    advice: "Run the command with --help to see its options.",
  },
  "cli/interrupted": {
    class: "InterruptedError",
    advice: "Run the command again. Finished images are kept.",
  },
  "cli/command-failed": {
    class: "CommandFailedError",
    advice: "Read what the program said, and run it by hand.",
  },
  "config/invalid": {
    class: "ConfigError",
    advice: "Correct the fields that the message names.",
  },
  "device/disposed": {
    class: "DisposedError",
    advice: "Open another device, and dispose it after the last call.",
  },
  "dialect/unknown": {
    class: "DialectError",
    advice: "Name the version in the load config, or check that the file is the one that the config describes.",
  },
  "error/unknown": {
    class: "Dalle2Error",
    advice: "Use the same version on both sides.",
  },
  "file/blocked": {
    class: "FileError",
    advice: "Do what the message says, or download the file by hand and pass the File.",
  },
  "file/changed": {
    class: "ChangedError",
    advice: "Load the models again.",
  },
  "file/damaged": {
    class: "FileError",
    advice: "Load the models again with a connection, which downloads the file again.",
  },
  "file/failed": {
    class: "FileError",
    advice: "Check the path or URL, and your permissions there.",
  },
  "file/in-use": {
    class: "FileError",
    advice: "Dispose the models that use them, or close the other tabs, and clear the cache again.",
  },
  "file/not-found": {
    class: "FileError",
    advice: "Check the path or URL.",
  },
  "file/no-space": {
    class: "FileError",
    advice: "Free some space, or choose a folder on another disk.",
  },
  "file/access-refused": {
    class: "FileError",
    advice: "Check your permissions, or the access token and the terms of use of the model.",
  },
  "file/checksum": {
    class: "FileError",
    advice: "Download it again. If that does not help, check the URL and the checksum.",
  },
  "file/quota": {
    class: "QuotaError",
    advice: "Remove downloads by `clearCache`, or free some space on the disk.",
  },
  "file/range": {
    class: "FileError",
    advice: "The file may be truncated: download it again.",
  },
  "file/too-large": {
    class: "TooLargeError",
    advice: "Check that it is the right file.",
  },
  "file/transient": {
    class: "TransientError",
    advice: "Check the connection and try again later.",
  },
  "format/invalid": {
    class: "FormatError",
    advice: "Check that it is the right file, and download or save it again.",
  },
  "format/truncated": {
    class: "TruncatedError",
    advice: "The file is truncated: download or save it again.",
  },
  "format/json": {
    class: "JsonError",
    advice: "Correct the JSON at the place that the message names.",
  },
  "gpu/unavailable": {
    class: "GpuUnavailableError",
    advice: "Run `npx dalle2 setup`, which finds an adapter or says what to install.",
  },
  "gpu/device-lost": {
    class: "DeviceLostError",
    advice: "Open a new device and load the models again.",
  },
  "gpu/out-of-memory": {
    class: "GpuOutOfMemoryError",
    advice: "Generate fewer images at once (batchSize), compute in f16, or close other programs that use the GPU.",
  },
  "gpu/weights-out-of-memory": {
    class: "WeightMemoryError",
    advice: "Use a GPU with more memory, or close other programs that use it.",
  },
  "gpu/validation": {
    class: "GpuValidationError",
    advice: "Report it, with the whole message and the output of `npx dalle2 doctor`.",
  },
  "gpu/limit": {
    class: "GpuLimitError",
    advice: "Generate fewer images at once (batchSize), or use a GPU with larger limits.",
  },
  "gpu/shader": {
    class: "ShaderError",
    advice: "Update the driver. If that does not help, report it with the whole message.",
  },
  "gpu/failed": {
    class: "GpuError",
    advice: "Try again. If it fails again, report it with the output of `npx dalle2 doctor`.",
  },
  "image/decode": {
    class: "ImageDecodeError",
    advice: "Open the image in another program and save it again as PNG or JPEG.",
  },
  "image/encode": {
    class: "ImageEncodeError",
    advice: "Choose another format, such as png.",
  },
  "image/library": {
    class: "ImageLibraryError",
    advice: "Install it with its optional dependencies: npm install --include=optional sharp.",
  },
  "internal/bug": {
    class: "InternalError",
    advice: "Report it, with the whole message and the call that failed.",
  },
  "manager/disposed": {
    class: "DisposedError",
    advice: "Create another one, and dispose it after its last call.",
  },
  "queue/damaged": {
    class: "QueueError",
    advice: "Run dalle2 queue remove. If it happens again, report it.",
  },
  "queue/files-gone": {
    class: "QueueError",
    advice: "Remove the job, and send the request again. Servers and workers must share one store.",
  },
  "queue/no-job": {
    class: "QueueError",
    advice: "Run dalle2 queue list to see the jobs that were set aside.",
  },
  "queue/stalled": {
    class: "QueueError",
    advice: "Look at the logs of the workers, mend the cause, and run dalle2 queue retry.",
  },
  "queue/unreachable": {
    class: "QueueError",
    advice: "Start Redis or Valkey, and check the URL and the password.",
  },
  "queue/url": {
    class: "QueueError",
    advice: "Use redis://host:port, or rediss://host:port for TLS.",
  },
  "sampling/no-model": {
    class: "SamplingError",
    advice: "Add the model to the load config.",
  },
  "sampling/unsupported": {
    class: "SamplingError",
    advice: "Leave the option out, or use another model.",
  },
  "server/missing-package": {
    class: "MissingPackageError",
    advice: "Install the package that the message names.",
  },
  "server/settings": {
    class: "SettingsError",
    advice: "Change the settings that the message names.",
  },
  "server/store": {
    class: "StoreError",
    advice: "Check the folder or the bucket that keeps the results.",
  },
  "shape/mismatch": {
    class: "ShapeError",
    advice:
      "If you did not call the operation yourself, check that the config fits the weights. If it does, report the error.",
  },
  "text/too-long": {
    class: "PromptTooLongError",
    advice: "Shorten the prompt.",
  },
  "unsupported/model": {
    class: "UnsupportedError",
    advice: "Use another checkpoint; docs/checkpoints.md lists what runs.",
  },
  "values/not-finite": {
    class: "NotFiniteError",
    advice: 'Compute in f32: --dtype f32 (in the library: dtype "f32").',
  },
  "weights/disposed": {
    class: "DisposedError",
    advice: "Open it again, and close it after the last read.",
  },
  "weights/missing-tensors": {
    class: "WeightError",
    advice: "The model is built from the config and version beside the checkpoint; check both.",
  },
  "weights/misshapen-tensors": {
    class: "WeightError",
    advice: "The model is built from the config and version beside the checkpoint; check both.",
  },
  "weights/unused-tensors": {
    class: "WeightError",
    advice: "The model is built from the config and version beside the checkpoint; check both.",
  },
  "worker/crashed": {
    class: "WorkerError",
    advice: "Call again: the next call starts the worker and opens the models again.",
  },
  "worker/disposed": {
    class: "DisposedError",
    advice: "Create another client, and dispose it after its last call.",
  },
  "worker/not-started": {
    class: "WorkerError",
    advice:
      "Serve dist/browser-worker.js of the package beside the page's script, or pass the option worker; a Content-Security-Policy must allow it in worker-src.",
  },
} as const satisfies Readonly<Record<string, CodeEntry>>;

/** A code of an error, for programs. */
export type ErrorCode = keyof typeof TABLE;

/** Every code of an error, with its class and what to do. */
export const ERROR_CODES: Readonly<Record<ErrorCode, CodeEntry>> = TABLE;

/** The codes of one class. */
export type CodeOf<Class extends string> = {
  [Code in ErrorCode]: (typeof TABLE)[Code]["class"] extends Class ? Code : never;
}[ErrorCode];

/** True for a code of this version of the library. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
