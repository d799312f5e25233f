// What the page says when something went wrong.
import { Dalle2Error, NotFiniteError } from "dalle2-webgpu";
import { ServerError } from "../server/server-error.js";
import { sayTime } from "../parts/amounts.js";

/** What one button can do about a failure. */
export type Remedy = "retry" | "retry-in-f32" | "reopen-device" | "free-storage" | "choose-model" | "shorten-prompt";

/** A failure as it is shown. */
export interface Failure {
  /** Code of the library's error, or `server/` and that of the server; undefined for other errors. */
  readonly code: string | undefined;
  /** What went wrong, in a few words. */
  readonly title: string;
  /** What was wrong, and where. */
  readonly message: string;
  /** What to do; undefined if the message says it. */
  readonly advice: string | undefined;
  /** The action that helps most; undefined if nothing that the page can do helps. */
  readonly remedy: Remedy | undefined;
  /** Bytes that are missing, if storage is full. */
  readonly neededBytes?: number | undefined;
}

interface Face {
  readonly title: string;
  /** Replaces the library's, which is for programmers. */
  readonly advice?: string;
  readonly remedy?: Remedy | undefined;
}

const NO_DOWNLOAD = "The model could not be downloaded";
const WRONG_FILE: Face = { title: "This file is not what it should be", remedy: "choose-model" };
const FULL: Face = {
  title: "The storage is full",
  advice: "Remove models that you do not need, or free some space on the disk.",
  remedy: "free-storage",
};
const STOPPED: Face = {
  title: "The worker of this page stopped",
  advice: "Try again: it starts anew and opens the model again. What was downloaded is kept.",
  remedy: "retry",
};
const BUG: Face = {
  title: "This should not happen",
  advice: "Try again. If it happens again, report it with this message.",
  remedy: "retry",
};

/** By code, or by the part before the slash. */
const FACES: Readonly<Record<string, Face>> = {
  argument: { title: "A value does not fit", advice: "Change the value that the message names.", remedy: undefined },
  config: { title: "The load config is not right", remedy: "choose-model" },
  device: STOPPED,
  dialect: { title: "This model is of an unknown version", remedy: "choose-model" },
  error: BUG,
  "file/access-refused": {
    title: "The server does not give out this file",
    advice: "It may ask everybody to accept terms first. Then download the model there, and open its folder.",
    remedy: "choose-model",
  },
  "file/blocked": {
    title: NO_DOWNLOAD,
    advice: "Download its files from the page of their server, and open their folder.",
    remedy: "choose-model",
  },
  "file/changed": { title: "The file changed on its server", remedy: "retry" },
  "file/checksum": { title: "The download is damaged", remedy: "retry" },
  "file/damaged": {
    title: "A file of the model is damaged",
    advice: "Try again: what is damaged is downloaded again.",
    remedy: "retry",
  },
  "file/in-use": {
    title: "A file of the model is in use",
    advice: "Close the other tabs of this page, and try again.",
    remedy: "retry",
  },
  "file/not-found": { title: "A file of the model is missing", remedy: "choose-model" },
  "file/no-space": FULL,
  "file/quota": FULL,
  "file/too-large": WRONG_FILE,
  "file/transient": {
    title: NO_DOWNLOAD,
    advice: "Check the connection and try again. What has arrived is kept.",
    remedy: "retry",
  },
  file: { title: "A file of the model could not be read", remedy: "retry" },
  format: WRONG_FILE,
  "gpu/device-lost": {
    title: "The GPU was lost",
    advice: "Its driver may have been restarted. The page can open it again, and the model with it.",
    remedy: "reopen-device",
  },
  "gpu/limit": {
    title: "The GPU cannot hold that much at once",
    advice: "Choose a smaller model, or open the page on a computer with a larger GPU.",
    remedy: "choose-model",
  },
  "gpu/out-of-memory": {
    title: "The GPU has too little memory",
    // The library has tried it with one image at a time.
    advice: "Close other tabs and programs that use the GPU, and try again. Or choose a smaller model.",
    remedy: "retry",
  },
  "gpu/unavailable": {
    title: "There is no GPU to compute on",
    advice: "Turn on WebGPU in this browser, or open the page in another one.",
    remedy: "retry",
  },
  "gpu/weights-out-of-memory": {
    title: "The model does not fit the GPU",
    advice: "Choose a smaller model, store weights in int8 (Settings), or close other programs that use the GPU.",
    remedy: "choose-model",
  },
  "gpu/shader": { title: "The GPU's driver cannot compile the kernels", remedy: "choose-model" },
  gpu: BUG,
  image: {
    title: "The image could not be read",
    advice: "Open it in another program, and save it again as PNG or JPEG.",
    remedy: undefined,
  },
  internal: BUG,
  manager: STOPPED,
  "sampling/no-model": {
    title: "The model cannot do this",
    advice: "Choose a model that has what is missing.",
    remedy: "choose-model",
  },
  sampling: {
    title: "The model cannot do this",
    advice: "Change the setting that the message names, or choose another model.",
    remedy: undefined,
  },
  shape: {
    title: "The weights do not fit the model",
    advice: "Check that the load config describes these checkpoints.",
    remedy: "choose-model",
  },
  "text/too-long": { title: "The prompt is too long", remedy: "shorten-prompt" },
  unsupported: {
    title: "This model is not supported",
    advice: "Choose another checkpoint, or another model.",
    remedy: "choose-model",
  },
  "values/not-finite": {
    title: "The numbers grew too large",
    advice: "In f32 they have room. It takes more memory and time.",
    remedy: "retry-in-f32",
  },
  weights: { title: "The weights do not fit the model", remedy: "choose-model" },
  "weights/disposed": STOPPED,
  "worker/crashed": STOPPED,
  "worker/not-started": {
    title: "The worker of this page could not be started",
    advice: "Check the connection, and try again.",
    remedy: "retry",
  },
  worker: STOPPED,
};

const REFUSED: Face = { title: "The server refused this", remedy: undefined };

/** By the code of the server. */
const SERVER_FACES: Readonly<Record<string, Face>> = {
  connection_lost: {
    title: "The connection to the server is lost",
    advice: "Check that the server runs and that this computer reaches it. Then try again: the images are the same.",
    remedy: "retry",
  },
  deadline_exceeded: { title: "The server took too long", remedy: "retry" },
  invalid_api_key: {
    title: "The server needs a key",
    advice: "Try again, and enter the key that whoever runs the server gave you.",
    remedy: "retry",
  },
  model_failed: { title: "The server could not generate this", remedy: "retry" },
  model_not_found: { title: "The server does not have this model", remedy: "choose-model" },
  no_worker: { title: "No computer of the server is free to compute", remedy: "retry" },
  queue_full: { title: "The server is busy", remedy: "retry" },
  rate_limit_exceeded: { title: "This is more than the server allows", remedy: "retry" },
  server_closing: { title: "The server is being stopped", remedy: "retry" },
  server_error: { title: "The server failed", remedy: "retry" },
};

const UNKNOWN: Face = { title: "Something went wrong", remedy: "retry" };

const OFFLINE: Face = {
  title: "There is no connection",
  advice: "Connect to the network and try again. What has arrived is kept.",
  remedy: "retry",
};

const NO_F16: Face = {
  title: "This GPU has no f16",
  advice: "In f32 the model takes twice the memory.",
  remedy: "retry-in-f32",
};

/** What decides how a failure is shown, beside the error. */
export interface FailureContext {
  /** Default: what the browser says. */
  readonly isOnline?: boolean | undefined;
}

/** Describes whatever was thrown. */
export function failureOf(error: unknown, context: FailureContext = {}): Failure {
  if (error instanceof ServerError) return serverFailure(error);
  if (!(error instanceof Dalle2Error)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: undefined, ...UNKNOWN, message, advice: undefined, remedy: UNKNOWN.remedy };
  }
  const { code } = error;
  const face = faceOf(error, context);
  return {
    code,
    title: face.title,
    message: withoutAdvice(error),
    advice: face.advice ?? error.advice,
    remedy: remedyOf(face, error),
    ...missingBytes(error),
  };
}

function faceOf({ code, message }: Dalle2Error, { isOnline = navigator.onLine }: FailureContext): Face {
  if (!isOnline && isOfNetwork(code)) return OFFLINE;
  if (code === "gpu/unavailable" && message.includes("shader-f16")) return NO_F16;
  return FACES[code] ?? FACES[code.split("/")[0] ?? ""] ?? UNKNOWN;
}

function isOfNetwork(code: string): boolean {
  return ["file/transient", "file/failed", "file/blocked", "file/not-found", "worker/not-started"].includes(code);
}

function remedyOf({ remedy }: Face, error: Dalle2Error): Remedy | undefined {
  // It overflowed in f32 already.
  if (error instanceof NotFiniteError && error.place?.dtype === "f32") return "choose-model";
  return remedy;
}

function serverFailure({ code, message, retryAfter }: ServerError): Failure {
  const { title, advice, remedy } = SERVER_FACES[code] ?? REFUSED;
  const wait = retryAfter === undefined ? undefined : `Try again in about ${sayTime(retryAfter * 1000)}.`;
  return { code: `server/${code}`, title, message: asSentence(message), advice: advice ?? wait, remedy };
}

function asSentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? "" : "."}`;
}

/** The library adds its advice to some messages; the page shows it apart. What is left ends as a sentence. */
function withoutAdvice({ message, advice }: Dalle2Error): string {
  const bare = advice.replace(/\.$/, "");
  const at = message.toLowerCase().lastIndexOf(bare.toLowerCase());
  const cut = bare === "" || at <= 0 ? "" : message.slice(0, at).replace(/[\s;:,.]+$/, "");
  const left = cut === "" ? message : cut;
  return /[.!?]$/.test(left) ? left : `${left}.`;
}

function missingBytes(error: Dalle2Error): Pick<Failure, "neededBytes"> {
  if (!("neededBytes" in error && "freeBytes" in error)) return {};
  return { neededBytes: Math.max(Number(error.neededBytes) - Number(error.freeBytes), 0) };
}
