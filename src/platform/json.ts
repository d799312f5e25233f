import { Dalle2Error } from "./dalle2-error.js";

/** JSON from outside: the only place where it is parsed, so that none is too deep for what walks it later. */

/** The levels of the deepest JSON that is read. Train configs have 6; each function that walks values takes one frame a level. */
export const MAX_JSON_DEPTH = 64;

/** A text that is not JSON, or nothing that a file of ours holds. The message goes after the file's name. */
export class JsonError extends Dalle2Error {
  static override readonly code = "format/json";
  override readonly name = "JsonError";

  static {
    this.register(this);
  }
}

export interface JsonOptions {
  /** Lists and objects within each other. Default `MAX_JSON_DEPTH`. */
  readonly maxDepth?: number | undefined;
  /** Takes also the key `__proto__`, for objects whose keys are names that anyone may choose; they must never be copied. */
  readonly takesProtoKey?: boolean | undefined;
}

/**
 * The value of a JSON text. Throws JsonError, whose message follows the name of the file, where it is not JSON, where lists
 * and objects nest too deep, and where an object has the key `__proto__`, which would replace what objects inherit as soon
 * as one is copied. Of a key that stands twice, the last counts, as in Python.
 */
export function parseJson(
  text: string,
  { maxDepth = MAX_JSON_DEPTH, takesProtoKey = false }: JsonOptions = {},
): unknown {
  if (isDeeper(text, maxDepth)) {
    throw new JsonError(`nests lists or objects more than ${maxDepth} levels deep; no such file does`);
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new JsonError(`is not JSON: ${syntaxProblem(text, cause)}`);
  }
  // Only a text with these letters, plain or escaped, can hold the key; few do, and only those are walked.
  if (!takesProtoKey && /__proto__|\\u00[567]/i.test(text) && hasProtoKey(value)) {
    throw new JsonError(`has the key "__proto__", which no such file has`);
  }
  return value;
}

/** What engines say of the text, without what they quote of it, which may be a secret; and where, if that can be told. */
function syntaxProblem(text: string, cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  const token = /^Unexpected token '.{1,6}?'/su.exec(message)?.[0];
  if (token === undefined) return message.replace(/,?\s*(?:\.\.\.)?"[^]*"(?:\.\.\.)?/, "");
  const before = text.slice(0, endOfTokens(text)).split("\n");
  return before.join("\n").length === text.length
    ? token
    : `${token} in line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/** How far a text consists of tokens of JSON (RFC 8259, section 2). */
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

/** What is wrong with bytes of which neither the text could be decoded nor the value parsed; goes after the file's name. */
export function jsonProblem(cause: unknown): string {
  return cause instanceof JsonError ? cause.message : "is not JSON in UTF-8";
}

const [QUOTE, BACKSLASH, OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x22, 0x5c, 0x5b, 0x5d, 0x7b, 0x7d];

/** Whether brackets outside of strings nest deeper than `limit`. */
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

/** The position behind the second quote of the JSON string that begins at `start`; the text's end where it has none. */
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

/** What makes a value that was not parsed here unfit: its depth (a cycle has no end), or how many values are in it. */
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

/** Whether a value is an object with keys, not a list. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
