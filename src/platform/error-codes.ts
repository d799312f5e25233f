/** What is said of a code: in `docs/errors.md`, and by errors that know no better advice. */
export interface CodeEntry {
  /** The class that carries it. */
  readonly class: string;
  /** What was wrong, for the table. */
  readonly meaning: string;
  /** What to do. */
  readonly advice: string;
}

/**
 * Every code that an error of this library carries. Codes are stable: programs may decide by them. The part before the
 * slash is the subject. `docs/errors.md` is generated from this table.
 */
const TABLE = {
  "argument/invalid": {
    class: "ArgumentError",
    meaning: "An option or argument has a value that cannot be meant: of another type, infinite, empty, out of range.",
    advice: "Pass a value that is allowed for the option that the message names.",
  },
  "argument/out-of-range": {
    class: "ArgumentError",
    meaning: "A number is allowed in general, but the loaded model has fewer: steps, U-Nets.",
    advice: "Pass a number within the range that the message names.",
  },
  "argument/conflict": {
    class: "ArgumentError",
    meaning: "Two options exclude each other, such as `images` and `imageEmbed`.",
    advice: "Pass one of the two options.",
  },
  "argument/missing": {
    class: "ArgumentError",
    meaning: "The call needs an option that was not passed.",
    advice: "Pass the option that the message names.",
  },
  "argument/mismatch": {
    class: "ArgumentError",
    meaning:
      "Options do not fit each other or the model: lists of different lengths, images or embeddings of different sizes.",
    advice: "Pass lists of one length, and images and embeddings of the size that the message names.",
  },
  "argument/no-effect": {
    class: "ArgumentError",
    meaning: "An option would change nothing with the other options.",
    advice: "Leave the option out, or change what keeps it from having an effect.",
  },
  "cli/usage": {
    class: "UsageError",
    meaning: "The command line asks for something that cannot be done as written.",
    advice: "Run the command with --help to see its options.",
  },
  "cli/interrupted": {
    class: "InterruptedError",
    meaning: "Ctrl-C, SIGTERM or SIGHUP ended the command.",
    advice: "Run the command again; finished images stay.",
  },
  "cli/command-failed": {
    class: "CommandFailedError",
    meaning: "A program that the command started ended with an error.",
    advice: "Read what the program said, and run it by hand.",
  },
  "config/invalid": {
    class: "ConfigError",
    meaning: "A configuration has unknown keys, values of another kind, or parts that do not fit together.",
    advice: "Correct the places that the message names.",
  },
  "device/disposed": {
    class: "DisposedError",
    meaning: "A GPU device, or memory on it, was used after it was disposed.",
    advice: "Open another device, and dispose it after the last call.",
  },
  "dialect/unknown": {
    class: "DialectError",
    meaning: "It cannot be told which version of DALLE2-pytorch made a checkpoint, or the version is too old.",
    advice: "Name the version in the load config, or check that the file holds what the config says.",
  },
  "error/unknown": {
    class: "Dalle2Error",
    meaning: "An error that came from another version of the library, whose code is not known here.",
    advice: "Use the same version on both sides.",
  },
  "file/changed": {
    class: "ChangedError",
    meaning: "A file changed on the server while it was downloaded.",
    advice: "Try again.",
  },
  "file/failed": {
    class: "FileError",
    meaning: "A file or address could not be opened, read or written.",
    advice: "Check the path or address, and whether you may read and write there.",
  },
  "file/not-found": {
    class: "FileError",
    meaning: "There is no such file.",
    advice: "Check the path or address.",
  },
  "file/no-space": {
    class: "FileError",
    meaning: "The disk, or the quota on it, is full.",
    advice: "Free some space, or choose a folder on another disk.",
  },
  "file/access-refused": {
    class: "FileError",
    meaning: "A server or the operating system refuses access.",
    advice: "Check your permissions, or the access token and the terms of use of the model.",
  },
  "file/checksum": {
    class: "FileError",
    meaning: "A file is not the one whose checksum was published, or a list of checksums does not name it.",
    advice: "Download it again; if that changes nothing, check the address and the checksum.",
  },
  "file/range": {
    class: "FileError",
    meaning: "Bytes were asked for beyond the end of a file, or more than can be read at once.",
    advice: "The file may be truncated: download it again.",
  },
  "file/too-large": {
    class: "TooLargeError",
    meaning: "A file is larger than what is read of its kind.",
    advice: "Check that it is the right file.",
  },
  "file/transient": {
    class: "TransientError",
    meaning: "A download failed in a way that may pass: no connection, a busy server, an answer that breaks off.",
    advice: "Check the connection and try again later.",
  },
  "format/invalid": {
    class: "FormatError",
    meaning: "The content of a file is not what its format promises. Nothing of it was run.",
    advice: "Check that it is the right file, and download or save it again.",
  },
  "format/truncated": {
    class: "TruncatedError",
    meaning: "The content of a file goes on beyond its end.",
    advice: "The file is cut off: download or save it again.",
  },
  "format/json": {
    class: "JsonError",
    meaning: "A text is not JSON, or JSON that no file of ours is.",
    advice: "Correct the JSON at the place that the message names.",
  },
  "gpu/unavailable": {
    class: "GpuUnavailableError",
    meaning: "There is no WebGPU here, no usable adapter, or the adapter lacks a feature that was asked for.",
    advice: "Run `npx dalle2 setup`, which finds an adapter or says what to install.",
  },
  "gpu/device-lost": {
    class: "DeviceLostError",
    meaning: "The device went away: a driver reset, a GPU unplugged, `dispose()`.",
    advice: "Open a new device and load the models again.",
  },
  "gpu/out-of-memory": {
    class: "GpuOutOfMemoryError",
    meaning: "The device could not allocate what was asked.",
    advice: "Draw fewer images at once (batchSize), compute in f16, or close what else uses the GPU.",
  },
  "gpu/weights-out-of-memory": {
    class: "WeightMemoryError",
    meaning: "The weights of one model alone do not fit into the memory of the GPU.",
    advice: "Use a GPU with more memory, or close what else uses it.",
  },
  "gpu/validation": {
    class: "GpuValidationError",
    meaning: "WebGPU rejected a command. That is a bug of this library.",
    advice: "Report it, with the whole message and the output of `npx dalle2 doctor`.",
  },
  "gpu/limit": {
    class: "GpuLimitError",
    meaning: "A tensor needs more than the limits of the adapter allow.",
    advice: "Draw fewer images at once (batchSize), or use a GPU with larger limits.",
  },
  "gpu/shader": {
    class: "ShaderError",
    meaning: "A kernel does not compile on this adapter. That is a bug of this library or of the driver.",
    advice: "Update the driver; if that changes nothing, report it with the whole message.",
  },
  "gpu/failed": {
    class: "GpuError",
    meaning: "The GPU did not do its work, for another reason.",
    advice: "Try again; if it stays so, report it with the output of `npx dalle2 doctor`.",
  },
  "image/decode": {
    class: "ImageDecodeError",
    meaning: "Bytes are no image in a known format, or an image that is too large.",
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
    meaning: "A promise between parts of this library was broken. That is a bug of this library.",
    advice: "Report it, with the whole message and what you called.",
  },
  "manager/disposed": {
    class: "DisposedError",
    meaning: "A model manager or a script was used after it was disposed, or disposed while it was used.",
    advice: "Create another one, and dispose it after the last call.",
  },
  "sampling/no-model": {
    class: "SamplingError",
    meaning: "The load config names no model of the kind that the call needs.",
    advice: "Add the model to the load config.",
  },
  "sampling/unsupported": {
    class: "SamplingError",
    meaning: "The call asks for what the loaded model cannot do, such as guidance of a model that was trained without.",
    advice: "Leave the option out, or use another model.",
  },
  "shape/mismatch": {
    class: "ShapeError",
    meaning: "An operation was given a tensor or an option that it cannot work on.",
    advice: "If you called no operation yourself, check that the config fits the weights, and report it otherwise.",
  },
  "text/too-long": {
    class: "PromptTooLongError",
    meaning: "A prompt has more tokens than the model reads.",
    advice: "Shorten it.",
  },
  "unsupported/model": {
    class: "UnsupportedError",
    meaning: "A file is fine, but asks for a model or an option that this library does not run.",
    advice: "Use another checkpoint; docs/checkpoints.md lists what runs.",
  },
  "values/not-finite": {
    class: "NotFiniteError",
    meaning: "A model computed infinities or NaN, or would.",
    advice: 'Compute in f32: --dtype f32 (in the library: dtype "f32").',
  },
  "weights/disposed": {
    class: "DisposedError",
    meaning: "A checkpoint was read after it was closed.",
    advice: "Open it again, and close it after the last read.",
  },
  "weights/missing-tensors": {
    class: "WeightError",
    meaning: "A checkpoint lacks tensors that the model needs.",
    advice: "The model is built from the config and version beside the checkpoint; check both.",
  },
  "weights/misshapen-tensors": {
    class: "WeightError",
    meaning: "Tensors of a checkpoint have other shapes than the model needs.",
    advice: "The model is built from the config and version beside the checkpoint; check both.",
  },
  "weights/unused-tensors": {
    class: "WeightError",
    meaning: "A checkpoint holds tensors that the model does not use.",
    advice: "The model is built from the config and version beside the checkpoint; check both.",
  },
} as const satisfies Readonly<Record<string, CodeEntry>>;

/** A code of an error: what a program decides by. */
export type ErrorCode = keyof typeof TABLE;

/** Every code of an error, with the class that carries it, its meaning and what to do. */
export const ERROR_CODES: Readonly<Record<ErrorCode, CodeEntry>> = TABLE;

/** The codes of one class. */
export type CodeOf<Class extends string> = {
  [Code in ErrorCode]: (typeof TABLE)[Code]["class"] extends Class ? Code : never;
}[ErrorCode];

/** True for a code of this version of the library. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
