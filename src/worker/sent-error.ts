// Errors in messages. Those of the library arrive as instances of their classes.
import { Dalle2Error } from "../platform/dalle2-error.js";
import { isRecord } from "../platform/objects.js";
import { ERROR_CLASSES } from "./error-classes.js";
import type { SentError } from "./protocol.js";

/** Makes an error ready to be sent. `signalOf` returns the id of the signal that has a value as its reason. */
export function sentError(error: unknown, signalOf: (reason: unknown) => number | undefined): SentError {
  const signal = signalOf(error);
  if (signal !== undefined) return { kind: "aborted", signal };
  if (error instanceof Dalle2Error) return { kind: "ours", json: error.toJSON({ stack: true }) };
  return { kind: "other", value: cloneable(error), ...(error instanceof Error ? { name: error.name } : {}) };
}

/** Returns a value as it can be cloned. */
function cloneable(value: unknown): unknown {
  try {
    return structuredClone(value);
  } catch {
    return String(value);
  }
}

/** Returns the error that was sent. `reasonOf` returns the reason of a signal. */
export function receivedError(sent: SentError, reasonOf: (signal: number) => unknown): unknown {
  if (sent.kind === "aborted") return reasonOf(sent.signal);
  if (sent.kind === "other") return named(sent.value, sent.name);
  const name = isRecord(sent.json) ? String(sent.json.name) : "";
  return (ERROR_CLASSES.get(name) ?? Dalle2Error).fromJSON(sent.json);
}

function named(value: unknown, name: string | undefined): unknown {
  if (name === undefined || !(value instanceof Error) || value.name === name) return value;
  return Object.assign(value, { name });
}
