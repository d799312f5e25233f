/** The description of a code, for `docs/errors.md` and for errors without advice of their own. */
export interface CodeEntry {
  /** The class that has this code. */
  readonly class: string;
  /** What was wrong, for the table. */
  readonly meaning: string;
  /** What to do. */
  readonly advice: string;
}

/**
 * Every code of the library's errors. Codes are stable, so programs can test them. The part before the slash is the subject.
 * `docs/errors.md` is generated from this table.
 */
const TABLE = {
  "argument/invalid": {
    class: "ArgumentError",
    meaning: "An option or argument has an invalid value: of another type, infinite, empty or out of range.",
    advice: "Pass a value that the message allows.",
  },
  "argument/out-of-range": {
    class: "ArgumentError",
    meaning: "A number is larger than the loaded model allows, such as a number of steps or of a U-Net.",
    advice: "Pass a number within the range that the message names.",
  },
  "argument/conflict": {
    class: "ArgumentError",
    meaning: "Two options cannot be used together, such as `images` and `imageEmbed`.",
    advice: "Pass only one of the two options.",
  },
  "argument/missing": {
    class: "ArgumentError",
    meaning: "The call needs an option that was not passed.",
    advice: "Pass the option that the message names.",
  },
  "argument/mismatch": {
    class: "ArgumentError",
    meaning:
      "Options do not match each other or the model: lists of different lengths, images or embeddings of another size.",
    advice: "Pass lists of the same length, and images and embeddings of the size that the message names.",
  },
  "argument/no-effect": {
    class: "ArgumentError",
    meaning: "An option would have no effect together with the other options.",
    advice: "Leave the option out, or change the other options.",
  },
  "cli/usage": {
    class: "UsageError",
    meaning: "The command line is not valid.",
    advice: "Run the command with --help to see its options.",
  },
  "cli/interrupted": {
    class: "InterruptedError",
    meaning: "Ctrl-C, SIGTERM or SIGHUP ended the command.",
    advice: "Run the command again. Finished images are kept.",
  },
  "cli/command-failed": {
    class: "CommandFailedError",
    meaning: "A program that the command started ended with an error.",
    advice: "Read what the program said, and run it by hand.",
  },
  "config/invalid": {
    class: "ConfigError",
    meaning: "A configuration has unknown keys, values of the wrong type, or parts that do not fit together.",
    advice: "Correct the fields that the message names.",
  },
  "device/disposed": {
    class: "DisposedError",
    meaning: "A GPU device, or memory on it, was used after it had been disposed.",
    advice: "Open another device, and dispose it after the last call.",
  },
  "dialect/unknown": {
    class: "DialectError",
    meaning: "The version of DALLE2-pytorch that made a checkpoint is unknown, or it is too old.",
    advice: "Name the version in the load config, or check that the file is the one that the config describes.",
  },
  "error/unknown": {
    class: "Dalle2Error",
    meaning: "An error from another version of the library, with a code that this version does not know.",
    advice: "Use the same version on both sides.",
  },
  "file/blocked": {
    class: "FileError",
    meaning:
      "A browser does not let the page read from a server: the server does not allow it (CORS), the page is from https and the file from http (mixed content), or the site may not reach the local network.",
    advice: "Do what the message says, or download the file by hand and pass the File.",
  },
  "file/changed": {
    class: "ChangedError",
    meaning: "A file changed on the server while it was downloaded.",
    advice: "Try again.",
  },
  "file/damaged": {
    class: "FileError",
    meaning: "A download is damaged on the disk, and the damaged bytes could not be fetched again.",
    advice: "Load the models again with a connection, which downloads the file again.",
  },
  "file/failed": {
    class: "FileError",
    meaning: "A file or URL could not be opened, read or written.",
    advice: "Check the path or URL, and your permissions there.",
  },
  "file/in-use": {
    class: "FileError",
    meaning: "Downloads were not removed because this page or another tab reads them or downloads them.",
    advice: "Dispose the models that use them, or close the other tabs, and clear the cache again.",
  },
  "file/not-found": {
    class: "FileError",
    meaning: "There is no such file.",
    advice: "Check the path or URL.",
  },
  "file/no-space": {
    class: "FileError",
    meaning: "The disk, or the quota on it, is full.",
    advice: "Free some space, or choose a folder on another disk.",
  },
  "file/access-refused": {
    class: "FileError",
    meaning: "A server or the operating system refused access.",
    advice: "Check your permissions, or the access token and the terms of use of the model.",
  },
  "file/checksum": {
    class: "FileError",
    meaning: "The checksum of a file is not the published one, or a list of checksums does not name the file.",
    advice: "Download it again. If that does not help, check the URL and the checksum.",
  },
  "file/quota": {
    class: "QuotaError",
    meaning:
      "There is no room for a download; nothing of it was fetched. `neededBytes` and `freeBytes` say how much is missing.",
    advice: "Remove downloads by `clearCache`, or free some space on the disk.",
  },
  "file/range": {
    class: "FileError",
    meaning: "A read went beyond the end of a file, or asked for more than can be read at once.",
    advice: "The file may be truncated: download it again.",
  },
  "file/too-large": {
    class: "TooLargeError",
    meaning: "A file is larger than the limit for its kind.",
    advice: "Check that it is the right file.",
  },
  "file/transient": {
    class: "TransientError",
    meaning:
      "A download failed for a reason that may be temporary: no connection, a busy server, a response that ended early.",
    advice: "Check the connection and try again later.",
  },
  "format/invalid": {
    class: "FormatError",
    meaning: "The content of a file breaks the rules of its format. None of it was run.",
    advice: "Check that it is the right file, and download or save it again.",
  },
  "format/truncated": {
    class: "TruncatedError",
    meaning: "A file ends before its content does.",
    advice: "The file is truncated: download or save it again.",
  },
  "format/json": {
    class: "JsonError",
    meaning: "A text is not JSON, or not JSON that this library accepts.",
    advice: "Correct the JSON at the place that the message names.",
  },
  "gpu/unavailable": {
    class: "GpuUnavailableError",
    meaning: "There is no WebGPU here, no usable adapter, or the adapter lacks a feature that was asked for.",
    advice: "Run `npx dalle2 setup`, which finds an adapter or says what to install.",
  },
  "gpu/device-lost": {
    class: "DeviceLostError",
    meaning: "The device was lost: the driver was reset, the GPU was unplugged, or `dispose()` was called.",
    advice: "Open a new device and load the models again.",
  },
  "gpu/out-of-memory": {
    class: "GpuOutOfMemoryError",
    meaning: "The device could not allocate memory.",
    advice: "Generate fewer images at once (batchSize), compute in f16, or close other programs that use the GPU.",
  },
  "gpu/weights-out-of-memory": {
    class: "WeightMemoryError",
    meaning: "The weights of one model alone do not fit into the memory of the GPU.",
    advice: "Use a GPU with more memory, or close other programs that use it.",
  },
  "gpu/validation": {
    class: "GpuValidationError",
    meaning: "WebGPU rejected a command. This is a bug in this library.",
    advice: "Report it, with the whole message and the output of `npx dalle2 doctor`.",
  },
  "gpu/limit": {
    class: "GpuLimitError",
    meaning: "A tensor needs more than the limits of the adapter allow.",
    advice: "Generate fewer images at once (batchSize), or use a GPU with larger limits.",
  },
  "gpu/shader": {
    class: "ShaderError",
    meaning: "A kernel does not compile on this adapter. This is a bug in this library or in the driver.",
    advice: "Update the driver. If that does not help, report it with the whole message.",
  },
  "gpu/failed": {
    class: "GpuError",
    meaning: "The GPU failed for another reason.",
    advice: "Try again. If it fails again, report it with the output of `npx dalle2 doctor`.",
  },
  "image/decode": {
    class: "ImageDecodeError",
    meaning: "The bytes are not an image in a known format, or the image is too large.",
    advice: "Open the image in another program and save it again as PNG or JPEG.",
  },
  "image/encode": {
    class: "ImageEncodeError",
    meaning: "An image cannot be written in the format that was asked for.",
    advice: "Choose another format, such as png.",
  },
  "image/library": {
    class: "ImageLibraryError",
    meaning: "The library sharp, which reads and writes image files in Node, is not installed, or not for this system.",
    advice: "Install it with its optional dependencies: npm install --include=optional sharp.",
  },
  "internal/bug": {
    class: "InternalError",
    meaning: "An internal check failed. This is a bug in this library.",
    advice: "Report it, with the whole message and the call that failed.",
  },
  "manager/disposed": {
    class: "DisposedError",
    meaning: "A model manager or a script was used after it had been disposed, or disposed while in use.",
    advice: "Create another one, and dispose it after its last call.",
  },
  "sampling/no-model": {
    class: "SamplingError",
    meaning: "The load config does not name a model that the call needs.",
    advice: "Add the model to the load config.",
  },
  "sampling/unsupported": {
    class: "SamplingError",
    meaning: "The loaded model cannot do what the call asks for, such as guidance if it was trained without it.",
    advice: "Leave the option out, or use another model.",
  },
  "shape/mismatch": {
    class: "ShapeError",
    meaning: "An operation got a tensor or an option that does not fit.",
    advice:
      "If you did not call the operation yourself, check that the config fits the weights. If it does, report the error.",
  },
  "text/too-long": {
    class: "PromptTooLongError",
    meaning: "A prompt has more tokens than the model can read.",
    advice: "Shorten the prompt.",
  },
  "unsupported/model": {
    class: "UnsupportedError",
    meaning: "A file is valid, but needs a model or an option that this library does not support.",
    advice: "Use another checkpoint; docs/checkpoints.md lists what runs.",
  },
  "values/not-finite": {
    class: "NotFiniteError",
    meaning: "A model computed infinity or NaN, or would do so.",
    advice: 'Compute in f32: --dtype f32 (in the library: dtype "f32").',
  },
  "weights/disposed": {
    class: "DisposedError",
    meaning: "A checkpoint was read after it had been closed.",
    advice: "Open it again, and close it after the last read.",
  },
  "weights/missing-tensors": {
    class: "WeightError",
    meaning: "A checkpoint lacks tensors that the model needs.",
    advice: "The model is built from the config and version beside the checkpoint; check both.",
  },
  "weights/misshapen-tensors": {
    class: "WeightError",
    meaning: "Tensors in a checkpoint have other shapes than the model needs.",
    advice: "The model is built from the config and version beside the checkpoint; check both.",
  },
  "weights/unused-tensors": {
    class: "WeightError",
    meaning: "A checkpoint holds tensors that the model does not use.",
    advice: "The model is built from the config and version beside the checkpoint; check both.",
  },
  "worker/crashed": {
    class: "WorkerError",
    meaning:
      "The worker of a client ended while it was in use: it threw an error that nothing caught, ran out of memory, or was terminated.",
    advice: "Call again: the next call starts the worker and opens the models again.",
  },
  "worker/disposed": {
    class: "DisposedError",
    meaning: "A worker client was used after it had been disposed, or disposed while in use.",
    advice: "Create another client, and dispose it after its last call.",
  },
  "worker/not-started": {
    class: "WorkerError",
    meaning:
      "The worker of a client could not be started: its script was not found, was refused, or is of another version than the page's.",
    advice:
      "Serve dist/browser-worker.js of the package beside the page's script, or pass the option worker; a Content-Security-Policy must allow it in worker-src.",
  },
} as const satisfies Readonly<Record<string, CodeEntry>>;

/** A code of an error, for programs. */
export type ErrorCode = keyof typeof TABLE;

/** Every code of an error, with its class, its meaning and what to do. */
export const ERROR_CODES: Readonly<Record<ErrorCode, CodeEntry>> = TABLE;

/** The codes of one class. */
export type CodeOf<Class extends string> = {
  [Code in ErrorCode]: (typeof TABLE)[Code]["class"] extends Class ? Code : never;
}[ErrorCode];

/** True for a code of this version of the library. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
