import type { ErrorCode } from "./error-codes.js";

/** What was wrong, by code, for tables of errors. Apart from `ERROR_CODES`, so that pages need not load it. */
export const ERROR_MEANINGS: Readonly<Record<ErrorCode, string>> = {
  "argument/invalid": "An option or argument has an invalid value: of another type, infinite, empty or out of range.",
  "argument/out-of-range": "A number is larger than the loaded model allows, such as a number of steps or of a U-Net.",
  "argument/conflict": "Two options cannot be used together, such as `images` and `imageEmbed`.",
  "argument/missing": "The call needs an option that was not passed.",
  "argument/mismatch":
    "Options do not match each other or the model: lists of different lengths, images or embeddings of another size.",
  "argument/no-effect": "An option would have no effect together with the other options.",
  "cli/usage": "The command line is not valid.",
  "cli/interrupted": "Ctrl-C, SIGTERM or SIGHUP ended the command.",
  "cli/command-failed": "A program that the command started ended with an error.",
  "config/invalid": "A configuration has unknown keys, values of the wrong type, or parts that do not fit together.",
  "device/disposed": "A GPU device, or memory on it, was used after it had been disposed.",
  "dialect/unknown": "The version of DALLE2-pytorch that made a checkpoint is unknown, or it is too old.",
  "error/unknown": "An error from another version of the library, with a code that this version does not know.",
  "file/blocked":
    "A browser does not let the page read from a server: the server does not allow it (CORS), the page is from https and the file from http (mixed content), or the site may not reach the local network.",
  "file/changed":
    "A file changed on the server while it was downloaded, or what an earlier run had downloaded of it was damaged.",
  "file/damaged": "A download is damaged on the disk, and the damaged bytes could not be fetched again.",
  "file/failed": "A file or URL could not be opened, read or written.",
  "file/in-use": "Downloads were not removed because this page or another tab reads them or downloads them.",
  "file/not-found": "There is no such file.",
  "file/no-space": "The disk, or the quota on it, is full.",
  "file/access-refused": "A server or the operating system refused access.",
  "file/checksum": "The checksum of a file is not the published one, or a list of checksums does not name the file.",
  "file/quota":
    "There is no room for a download; nothing of it was fetched. `neededBytes` and `freeBytes` say how much is missing.",
  "file/range": "A read went beyond the end of a file, or asked for more than can be read at once.",
  "file/too-large": "A file is larger than the limit for its kind.",
  "file/transient":
    "A download failed for a reason that may be temporary: no connection, a busy server, a response that ended early.",
  "format/invalid": "The content of a file breaks the rules of its format. None of it was run.",
  "format/truncated": "A file ends before its content does.",
  "format/json": "A text is not JSON, or not JSON that this library accepts.",
  "gpu/unavailable": "There is no WebGPU here, no usable adapter, or the adapter lacks a feature that was asked for.",
  "gpu/device-lost": "The device was lost: the driver was reset, the GPU was unplugged, or `dispose()` was called.",
  "gpu/out-of-memory": "The device could not allocate memory.",
  "gpu/weights-out-of-memory": "The weights of one component alone do not fit into the memory of the GPU.",
  "gpu/validation": "WebGPU rejected a command. This is a bug in this library.",
  "gpu/limit": "A tensor needs more than the limits of the adapter allow.",
  "gpu/shader": "A kernel does not compile on this adapter. This is a bug in this library or in the driver.",
  "gpu/failed": "The GPU failed for another reason.",
  "image/decode": "The bytes are not an image in a known format, or the image is too large.",
  "image/encode": "An image cannot be written in the format that was asked for.",
  "image/library":
    "The library sharp, which reads and writes image files in Node, is not installed, or not for this system.",
  "internal/bug": "An internal check failed. This is a bug in this library.",
  "manager/disposed": "A model manager or a script was used after it had been disposed, or disposed while in use.",
  "sampling/no-model": "The load config does not name a model that the call needs.",
  "sampling/unsupported":
    "The loaded model cannot do what the call asks for, such as guidance if it was trained without it.",
  "shape/mismatch": "An operation got a tensor or an option that does not fit.",
  "text/too-long": "A prompt has more tokens than the model can read.",
  "unsupported/model": "A file is valid, but needs a model or an option that this library does not support.",
  "values/not-finite": "A model computed infinity or NaN, or would do so.",
  "weights/disposed": "A checkpoint was read after it had been closed.",
  "weights/missing-tensors": "A checkpoint lacks tensors that the model needs.",
  "weights/misshapen-tensors": "Tensors in a checkpoint have other shapes than the model needs.",
  "weights/unused-tensors": "A checkpoint holds tensors that the model does not use.",
  "worker/crashed":
    "The worker of a client ended while it was in use: it threw an error that nothing caught, ran out of memory, or was terminated.",
  "worker/disposed": "A worker client was used after it had been disposed, or disposed while in use.",
  "worker/not-started":
    "The worker of a client could not be started: its script was not found, was refused, never answered, or is of another version than the page's.",
};
