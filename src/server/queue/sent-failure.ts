// Errors between servers and workers.
import { z } from "zod";
import { Dalle2Error } from "../../platform/dalle2-error.js";
import { isRecord } from "../../platform/objects.js";
import { ERROR_CLASSES } from "../../worker/error-classes.js";
import { SERVER_ERRORS, ServerError, type ServerErrorCode } from "../server-error.js";

export const SENT_FAILURE = z.union([
  z.object({ kind: z.literal("library"), json: z.unknown() }),
  z.object({
    kind: z.literal("server"),
    code: z.enum(Object.keys(SERVER_ERRORS) as [ServerErrorCode, ...ServerErrorCode[]]),
    message: z.string(),
    param: z.string().optional(),
    retryAfter: z.number().optional(),
  }),
]);
/** An error as JSON. */
export type SentFailure = z.infer<typeof SENT_FAILURE>;

/** Subjects of error codes that say that the request cannot be done by this model, wherever it runs. */
const ANSWERS = new Set(["argument", "sampling", "text", "unsupported", "image"]);

/**
 * The error as JSON if it answers the request: it would be the same for each attempt. Undefined for others, which may succeed
 * on another attempt or another worker.
 */
export function asAnswer(error: unknown): SentFailure | undefined {
  if (error instanceof ServerError) {
    const { code, message, param, retryAfter, status } = error;
    return status < 500 ? { kind: "server", code, message, param, retryAfter } : undefined;
  }
  if (!(error instanceof Dalle2Error)) return undefined;
  const [subject = ""] = error.code.split("/");
  return ANSWERS.has(subject) ? { kind: "library", json: error.toJSON() } : undefined;
}

/** The error that was sent. */
export function receivedFailure(sent: SentFailure): Error {
  if (sent.kind === "server") return new ServerError(sent.code, sent.message, sent);
  const name = isRecord(sent.json) ? String(sent.json.name) : "";
  return (ERROR_CLASSES.get(name) ?? Dalle2Error).fromJSON(sent.json);
}
