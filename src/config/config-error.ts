import { distance } from "fastest-levenshtein";
import * as z from "zod/mini";
import { excessOf } from "../platform/json.js";
import { Dalle2Error } from "../platform/dalle2-error.js";
import { shortened } from "../platform/printable.js";
import { hideSecrets, isSecretName, publicUrl } from "../platform/secrets.js";

/**
 * A configuration that cannot be used. The message names the file or source, the path in it, what was expected and what was
 * found.
 */
export class ConfigError extends Dalle2Error {
  static override readonly code = "config/invalid";
  override readonly name = "ConfigError";

  static {
    this.register(this);
  }
}

/** Formats a path in JSON: `decoder.unets[0].dim`. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === "number") return `${text}[${key}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

/**
 * Checks `value` against `schema` and returns it with defaults filled in. Throws one {@link ConfigError} that lists every
 * fault with its path, what was expected and what was found. `source` names the file; `path` is where the value is in it.
 *
 * @internal
 */
export function parseConfig<Schema extends z.ZodMiniType>(
  schema: Schema,
  value: unknown,
  source: string,
  path: readonly PropertyKey[] = [],
): z.output<Schema> {
  const excess = excessOf(value);
  if (excess !== undefined) throw new ConfigError(`${source} ${excess}, which is not allowed`);
  const { data, faults } = checkValue(schema, value, path);
  if (faults) throw new ConfigError(`${source} is not a valid configuration:\n  ${faults.join("\n  ")}`);
  return data;
}

/**
 * The parsed value, or the faults in it, each with its path, for a message.
 *
 * @internal
 */
export function checkValue<Schema extends z.ZodMiniType>(
  schema: Schema,
  value: unknown,
  path: readonly PropertyKey[] = [],
): { data: z.output<Schema>; faults?: never } | { data?: never; faults: readonly string[] } {
  const result = schema.safeParse(value, { error: describeFault, reportInput: true });
  if (result.success) return { data: result.data };
  const { issues } = result.error;
  const faults = issues.slice(0, MAX_FAULTS).map((issue) => formatFault(issue, path));
  if (issues.length > MAX_FAULTS) faults.push(`and ${issues.length - MAX_FAULTS} more faults`);
  return { faults };
}

// More than anyone fixes at once: a list in the wrong place may have a fault in each value.
const MAX_FAULTS = 12;
// Places and faults quote keys and texts of the file, which may have any length.
const PLACE_LENGTH = 100;
const FAULT_LENGTH = 230;

function formatFault(issue: z.core.$ZodIssue, path: readonly PropertyKey[]): string {
  const place = shortened(formatPath([...path, ...issue.path]), PLACE_LENGTH);
  const fault = issue.message.startsWith("expected ") ? withFound(issue.message, issue.input) : issue.message;
  return place === "" ? shortened(fault, FAULT_LENGTH) : `${place}: ${shortened(fault, FAULT_LENGTH)}`;
}

/** The expected value, for schemas without a message of their own. */
function describeFault(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case "invalid_type":
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `expected ${issue.values.map((one) => JSON.stringify(one)).join(" or ")}`;
    case "too_small":
      return `expected ${describeMinimum(issue)}`;
    case "too_big":
      if (issue.origin === "array") return `expected a list of at most ${issue.maximum}`;
      return `expected ${issue.inclusive === false ? "less than" : "at most"} ${issue.maximum}`;
    case "unrecognized_keys": {
      const known = issue.inst instanceof z.ZodMiniObject ? Object.keys(issue.inst.shape) : [];
      return describeUnknown(issue.keys, known).join("; ");
    }
    default:
      return undefined;
  }
}

const TYPES: Readonly<Record<string, string>> = {
  string: "a string",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

function describeMinimum({ origin, minimum, inclusive }: z.core.$ZodRawIssue<z.core.$ZodIssueTooSmall>): string {
  if (origin === "array") return "a list that is not empty";
  if (origin === "string") return "a string that is not empty";
  return `${inclusive ? "at least" : "a number above"} ${minimum}`;
}

/** Messages about unknown keys, each with a similar known key if there is one. Of many keys, only the first are listed. */
export function describeUnknown(keys: readonly string[], known: readonly string[]): string[] {
  const named = keys.slice(0, MAX_FAULTS).map((key) => {
    const nearest = nearestName(key, known);
    return `unknown key ${JSON.stringify(shortened(key, FOUND_LENGTH))}${nearest === undefined ? "" : `; did you mean ${JSON.stringify(nearest)}?`}`;
  });
  return named.length < keys.length ? [...named, `and ${keys.length - named.length} more unknown keys`] : named;
}

/** The name in `known` that `name` may be a misspelling of; undefined if none is similar. */
export function nearestName(name: string, known: readonly string[]): string | undefined {
  if (name.length > FOUND_LENGTH) return undefined;
  const letters = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  const distances = known.map((one) => ({ one, edits: distance(letters(name), letters(one)) }));
  const [best] = distances.sort((a, b) => a.edits - b.edits);
  return best && best.edits <= Math.max(1, letters(best.one).length / 3) ? best.one : undefined;
}

// Enough to recognise a value; a config may have a whole list in the wrong place.
const FOUND_LENGTH = 60;

function withFound(expected: string, input: unknown): string {
  return input === undefined ? `missing; ${expected}` : `${expected}, found ${foundText(input)}`;
}

/** A value of a config, as a message quotes it. */
export function foundText(input: unknown): string {
  // A secret in the wrong place is still a secret. It is hidden before the text is cut, which could remove what it is
  // recognised by. JSON.stringify would write null for a number such as 1e999, which is read as Infinity.
  const found = JSON.stringify(input, (key, value: unknown) => {
    if (typeof value === "bigint") return value.toString();
    return typeof value === "string" ? (isSecretName(key) ? "…" : hideSecrets(publicUrl(value))) : value;
  }) as string | undefined;
  return shortened(typeof input === "number" ? String(input) : (found ?? typeof input), FOUND_LENGTH);
}
