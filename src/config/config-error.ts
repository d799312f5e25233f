import { distance } from "fastest-levenshtein";
import { z } from "zod";

/** A configuration that cannot be used. The message names the file or source, the path in it, what was found and what is expected. */
export class ConfigError extends Error {
  override name = "ConfigError";
}

/** Writes a path as a reader of the JSON would: `decoder.unets[0].dim`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

/**
 * Checks `value` against `schema` and returns it with defaults filled in. Throws one {@link ConfigError} that lists every
 * fault with its path, what is expected and what was found. `source` names the file.
 */
export function parseConfig<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  source: string,
): z.output<Schema> {
  const result = schema.safeParse(value, { error: describeFault, reportInput: true });
  if (result.success) return result.data;
  const faults = result.error.issues.map((issue) => {
    const path = formatPath(issue.path);
    const fault = issue.message.startsWith("expected ") ? withFound(issue.message, issue.input) : issue.message;
    return path === "" ? fault : `${path}: ${fault}`;
  });
  throw new ConfigError(`${source} is not a valid configuration:\n  ${faults.join("\n  ")}`);
}

/** What is expected, for what a schema has no words of its own. */
function describeFault(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `expected ${issue.values.map((one) => JSON.stringify(one)).join(" or ")}`;
    case "too_small":
      return `expected ${describeMinimum(issue)}`;
    case "too_big":
      return `expected ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}`;
    case "unrecognized_keys": {
      const known = issue.inst instanceof z.ZodObject ? Object.keys(issue.inst.shape) : [];
      return issue.keys.map((key) => describeUnknown(key, known)).join("; ");
    }
    default:
      return undefined;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

function describeMinimum({ origin, minimum, inclusive }: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>): string {
  if (origin === "array") return "a list that is not empty";
  if (origin === "string") return "a text that is not empty";
  return `${inclusive ? "at least" : "a number above"} ${minimum}`;
}

function describeUnknown(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  return `unknown key ${JSON.stringify(key)}${nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`}`;
}

/** The one of `known` that `name` may be a misspelling of; undefined where none is alike. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  const letters = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  const distances = known.map((one) => ({ one, edits: distance(letters(name), letters(one)) }));
  const [best] = distances.sort((a, b) => a.edits - b.edits);
  return best && best.edits <= Math.max(1, letters(best.one).length / 3) ? best.one : undefined;
}

// Enough to recognise what was written; a config may hold a whole list in the wrong place.
const FOUND_LENGTH = 60;

function withFound(expected: string, input: unknown): string {
  if (input === undefined) return `missing; ${expected}`;
  // JSON.stringify would write null for these: a number such as 1e999 is read as Infinity.
  const found = typeof input === "number" ? String(input) : JSON.stringify(input);
  return `${expected}, found ${found.length > FOUND_LENGTH ? `${found.slice(0, FOUND_LENGTH)}…` : found}`;
}
