// Errors as plain data. Apart from their base class, which uses it.
import { printable, shortened } from "./printable.js";
import { hideSecrets } from "./secrets.js";

/** An object of plain data. */
export type PlainObject = Readonly<Record<string, unknown>>;

/** Deeper data, and longer chains of causes, tell nobody anything; and they may come from strangers. */
const MAX_DEPTH = 8;

/** Where a text does not end by itself. A list of all misshapen tensors of a model is longer, and meant to be read. */
const MAX_TEXT = 1_000_000;

/** A text as errors hold it: without secrets, and without what steers a terminal. */
export function cleaned(text: string): string {
  return printable(hideSecrets(shortened(text, MAX_TEXT)));
}

export function isPlainObject(value: unknown): value is PlainObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A value as plain data, texts cleaned; undefined for what is none, such as a function. */
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
 * What `toJSON` says of a cause, `depth` errors below the first: all of an error of this library, which `ours` makes plain
 * data, of others name, code and message.
 */
export function causeToJson(
  cause: unknown,
  ours: (error: Error, depth: number) => unknown,
  stack: boolean,
  depth: number,
): unknown {
  if (!(cause instanceof Error)) return plainValue(cause);
  // Causes may stand in a circle.
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

/** A cause from what `causeToJson` made of it. `ours` makes errors of this library. */
export function causeFromJson(json: unknown, ours: (json: unknown, depth: number) => Error, depth: number): unknown {
  if (!isPlainObject(json) || typeof json.message !== "string") return plainValue(json);
  if (depth >= MAX_DEPTH) return undefined;
  if (typeof json.advice === "string") return ours(json, depth + 1);
  const { name, message, code, cause } = json;
  const inner = cause === undefined ? undefined : { cause: causeFromJson(cause, ours, depth + 1) };
  const error = new Error(cleaned(message), inner);
  if (typeof name === "string") error.name = cleaned(name);
  return typeof code === "string" ? Object.assign(error, { code: cleaned(code) }) : error;
}
