import { Dalle2Error } from "./dalle2-error.js";

/** Parses all JSON from outside, so that no value nests too deep for recursive functions. */

/**
 * Deepest JSON that is accepted. Train configs have 6 levels. Functions that walk values recursively use one stack frame for
 * each level.
 */
export const MAX_JSON_DEPTH = 64;

/** A text that is not JSON, or not JSON that this library accepts. The message follows the name of the file. */
export class JsonError extends Dalle2Error {
  static override readonly code = "format/json";
  override readonly name = "JsonError";

  static {
    this.register(this);
  }
}

export interface JsonOptions {
  /** Limit for nested lists and objects. Default `MAX_JSON_DEPTH`. */
  readonly maxDepth?: number | undefined;
  /** Accepts the key `__proto__` too, for objects whose keys can be any name. Such objects must never be copied. */
  readonly takesProtoKey?: boolean | undefined;
}

/**
 * Parses JSON. Throws JsonError if the text is not JSON, if lists and objects nest too deep, or if an object has the key
 * `__proto__`, which would replace the prototype of a copy. The message follows the name of the file. Of duplicate keys the
 * last counts, as in Python.
 */
export function parseJson(
  text: string,
  { maxDepth = MAX_JSON_DEPTH, takesProtoKey = false }: JsonOptions = {},
): unknown {
  if (isDeeper(text, maxDepth)) {
    throw new JsonError(`nests lists or objects more than ${maxDepth} levels deep, which is not allowed`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new JsonError(`is not JSON: ${syntaxProblem(text, cause)}`);
  }
  // Only a text with these letters, plain or escaped, can hold the key. Few do, and only those are walked.
  if (!takesProtoKey && /__proto__|\\u00[567]/i.test(text) && hasProtoKey(value)) {
    throw new JsonError(`has the key "__proto__", which is not allowed`);
  }
  return value;
}

/**
 * The runtime's message and, if possible, the position. Text that the runtime quotes is removed, because it may be a secret.
 */
function syntaxProblem(text: string, cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const token = /^Unexpected token '.{1,6}?'/su.exec(message)?.[0];
  if (token === undefined) return message.replace(/,?\s*(?:\.\.\.)?"[^]*"(?:\.\.\.)?/, "");
  const before = text.slice(0, endOfTokens(text)).split("\n");
  return before.join("\n").length === text.length
    ? token
    : `${token} at line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/** The end of the part that consists of JSON tokens (RFC 8259, section 2). */
function endOfTokens(text: string): number {
  const other = /[\s{}[\],:]|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
  let end = 0;
  for (;;) {
    other.lastIndex = end;
    if (text[end] === '"') end = jsonStringEnd(text, end);
    else if (other.test(text)) end = other.lastIndex;
    else return end;
  }
}

/** The problem with bytes that could not be decoded as UTF-8 or parsed as JSON. It follows the file's name. */
export function jsonProblem(cause: unknown): string {
  return cause instanceof JsonError ? cause.message : "is not JSON in UTF-8";
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/** True if brackets outside of strings nest deeper than `limit`. */
function isDeeper(text: string, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = jsonStringEnd(text, at) - 1;
    else if (code === OPEN_LIST || code === OPEN_OBJECT) depth++;
    else if (code === CLOSE_LIST || code === CLOSE_OBJECT) depth--;
    if (depth > limit) return true;
  }
  return false;
}

/**
 * The position after the closing quote of the JSON string that begins at `start`, or the end of the text if there is none.
 */
export function jsonStringEnd(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) return at + 1;
    if (code === BACKSLASH) at++;
  }
  return text.length;
}

function hasProtoKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.hasOwn(value, "__proto__") || Object.values(value).some(hasProtoKey);
}

/** Why a value from elsewhere is not accepted: it nests too deep (a cycle has no end) or holds too many values. */
export function excessOf(value: unknown, maxDepth = MAX_JSON_DEPTH, maxValues = 1_000_000): string | undefined {
  let count = 0;
  const visit = (part: unknown, depth: number): string | undefined => {
    if (++count > maxValues) return `holds more than ${maxValues} values`;
    if (typeof part !== "object" || part === null) return undefined;
    if (depth === maxDepth) return `nests lists or objects more than ${maxDepth} levels deep, or contains itself`;
    for (const item of Object.values(part)) {
      const excess = visit(item, depth + 1);
      if (excess !== undefined) return excess;
    }
    return undefined;
  };
  return visit(value, 0);
}
