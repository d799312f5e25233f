// Errors as plain data. In a file of its own because the base class imports it.
import { isRecord, type PlainObject } from "./objects.js";
import { printable, shortened } from "./printable.js";
import { hideSecrets } from "./secrets.js";

/** Limit for nested data and for chains of causes, which may come from strangers. */
const MAX_DEPTH = 8;

/** Limit for one text. It has room for a list of all misshapen tensors of a model. */
const MAX_TEXT = 1_000_000;

/** A text for an error: without secrets and without characters that control a terminal. */
export function cleaned(text: string): string {
  return printable(hideSecrets(shortened(text, MAX_TEXT)));
}

/** A value as plain data with cleaned texts. Undefined if it is not plain data, such as a function. */
export function plainValue(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return cleaned(value);
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "boolean" || value === null) return value;
  if (typeof value !== "object" || depth === MAX_DEPTH) return undefined;
  if (Array.isArray(value)) return value.map((one: unknown) => plainValue(one, depth + 1) ?? null);
  return plainObject(value as PlainObject, depth);
}

/** The entries of an object that are plain data. */
export function plainObject(value: PlainObject, depth = 0): PlainObject {
  const entries = Object.entries(value).map(([key, one]) => [key, plainValue(one, depth + 1)] as const);
  return Object.fromEntries(entries.filter(([key, one]) => one !== undefined && key !== "__proto__"));
}

/**
 * A cause as `toJSON` writes it, `depth` errors below the first. `ours` converts errors of this library; of other errors
 * only name, code and message are kept.
 */
export function causeToJson(
  cause: unknown,
  ours: (error: Error, depth: number) => unknown,
  stack: boolean,
  depth: number,
): unknown {
  if (!(cause instanceof Error)) return plainValue(cause);
  // Chains of causes may have cycles.
  if (depth >= MAX_DEPTH) return undefined;
  const known = ours(cause, depth);
  if (known !== undefined) return known;
  const { name, message } = cause;
  const { code } = cause as { readonly code?: unknown };
  return {
    name: cleaned(name),
    message: cleaned(message),
    ...(typeof code === "string" ? { code: cleaned(code) } : {}),
    ...(cause.cause === undefined ? {} : { cause: causeToJson(cause.cause, ours, stack, depth + 1) }),
    ...(stack && cause.stack !== undefined ? { stack: cleaned(cause.stack) } : {}),
  };
}

/** The reverse of `causeToJson`. `ours` makes errors of this library. */
export function causeFromJson(json: unknown, ours: (json: unknown, depth: number) => Error, depth: number): unknown {
  if (!isRecord(json) || typeof json.message !== "string") return plainValue(json);
  if (depth >= MAX_DEPTH) return undefined;
  if (typeof json.advice === "string") return ours(json, depth + 1);
  const { name, message, code, cause } = json;
  const inner = cause === undefined ? undefined : { cause: causeFromJson(cause, ours, depth + 1) };
  const error = new Error(cleaned(message), inner);
  if (typeof name === "string") error.name = cleaned(name);
  return typeof code === "string" ? Object.assign(error, { code: cleaned(code) }) : error;
}
