// Errors in the shape that OpenAI's clients read.
import { ArgumentError } from "../../platform/arguments.js";
import { Dalle2Error } from "../../platform/dalle2-error.js";
import { printable } from "../../platform/printable.js";
import { ServerError, type ServerErrorCode } from "../server-error.js";

/** The body of every answer that is an error. */
export interface ErrorBody {
  readonly error: {
    /** What was wrong, and what to do. */
    readonly message: string;
    readonly type: string;
    /** Name of the parameter that is wrong, if it is one. */
    readonly param: string | null;
    /** For programs. */
    readonly code: string;
  };
}

/** Type and code of an error, in OpenAI's words where they have some. */
export const ERROR_NAMES: Readonly<Record<ServerErrorCode, { readonly type: string; readonly code: string }>> = {
  "bad-request": { type: "invalid_request_error", code: "invalid_value" },
  "not-authenticated": { type: "invalid_request_error", code: "invalid_api_key" },
  "not-allowed": { type: "invalid_request_error", code: "not_allowed" },
  "not-found": { type: "invalid_request_error", code: "not_found" },
  "unknown-model": { type: "invalid_request_error", code: "model_not_found" },
  "wrong-method": { type: "invalid_request_error", code: "method_not_supported" },
  conflict: { type: "invalid_request_error", code: "conflict" },
  "too-large": { type: "invalid_request_error", code: "request_too_large" },
  "wrong-type": { type: "invalid_request_error", code: "unsupported_content_type" },
  unprocessable: { type: "invalid_request_error", code: "unprocessable" },
  "rate-limit": { type: "requests", code: "rate_limit_exceeded" },
  "closed-by-caller": { type: "invalid_request_error", code: "closed_by_caller" },
  failed: { type: "server_error", code: "server_error" },
  "model-failed": { type: "server_error", code: "model_failed" },
  "queue-full": { type: "server_error", code: "queue_full" },
  "no-worker": { type: "server_error", code: "no_worker" },
  closing: { type: "server_error", code: "server_closing" },
  deadline: { type: "server_error", code: "deadline_exceeded" },
};

/** Errors that the same request would meet again. Clients that repeat by themselves are told not to. */
const FINAL: ReadonlySet<ServerErrorCode> = new Set(["conflict", "model-failed", "failed", "deadline"]);

/** Seconds up to which OpenAI's clients wait before they repeat a request. Above it they would repeat too early. */
const LONGEST_WAIT = 60;

/** Codes of the library that are about what the caller sent. Messages of others can name files of the server. */
const OF_CALLER = /^(argument|text|sampling|image\/(decode|encode))(\/|$)/;

/** Parameters of the API by argument of the library, where their names differ. */
const PARAMS: Readonly<Record<string, string>> = {
  text: "prompt",
  size: "size",
  hint: "dalle2.hint",
  seed: "dalle2.seed",
  seeds: "dalle2.seed",
  negativeText: "dalle2.negativePrompt",
  decoderSteps: "dalle2.steps",
  decoderCondScale: "dalle2.condScale",
  decoderSampler: "dalle2.sampler",
  decoderNoiseLevel: "dalle2.noiseLevel",
  priorNumSamplesPerBatch: "dalle2.candidates",
  ...Object.fromEntries(
    [
      ...["steps", "condScale", "sampler", "noiseLevel"],
      ...["priorSteps", "priorCondScale", "priorSampler", "resampleTimes", "strength"],
    ].map((name) => [name, `dalle2.${name}`]),
  ),
};

/** Any error as one of the server. What is not for callers is its cause. */
export function asServerError(error: unknown): ServerError {
  if (error instanceof ServerError) return error;
  if (error instanceof Dalle2Error && OF_CALLER.test(error.code)) {
    return new ServerError("bad-request", error.message, { cause: error, param: paramOf(error) });
  }
  const message = "The server failed to answer. Its log has the reason, by the id of this request.";
  return new ServerError(error instanceof Dalle2Error ? "model-failed" : "failed", message, { cause: error });
}

function paramOf(error: Dalle2Error): string | undefined {
  const argument = error.place?.argument;
  if (argument === undefined) return error.code.startsWith("text/") ? "prompt" : undefined;
  // Of a list, only the name.
  return error instanceof ArgumentError ? PARAMS[argument.replace(/\[.*/, "")] : undefined;
}

/** The body of the answer to a request that failed. */
export function errorBody({ code, message, param, cause }: ServerError): ErrorBody {
  const names = ERROR_NAMES[code];
  const inner = cause instanceof Dalle2Error && code === "bad-request" ? cause.code : undefined;
  // A message may quote what the caller sent, and its client may print it.
  return {
    error: {
      message: printable(sentence(message)),
      type: names.type,
      param: param === undefined ? null : printable(param),
      code: inner ?? names.code,
    },
  };
}

/** A message as a sentence. Messages of parameters begin with their names, which stay as they are. */
function sentence(message: string): string {
  const isName = /^[a-z]\w*[._A-Z]/.test(message);
  const start = isName ? message : message.charAt(0).toUpperCase() + message.slice(1);
  return /[.!?]$/.test(start) ? start : `${start}.`;
}

/** The headers of that answer, beside those of all answers. */
export function errorHeaders({ code, retryAfter }: ServerError): Record<string, string> {
  const isFinal = FINAL.has(code) || (retryAfter !== undefined && retryAfter > LONGEST_WAIT);
  return {
    ...(retryAfter === undefined ? {} : { "retry-after": String(Math.max(1, Math.ceil(retryAfter))) }),
    ...(isFinal ? { "x-should-retry": "false" } : {}),
    ...(code === "not-authenticated" ? { "www-authenticate": 'Bearer realm="dalle2"' } : {}),
  };
}
