// A form as the body that the schema checks: texts become numbers, booleans and the object `dalle2`.
import { isRecord } from "../../../platform/objects.js";
import { JsonError, parseJson } from "../../../platform/json.js";
import { ServerError } from "../../server-error.js";
import type { Form } from "../body.js";
import { EXTENSION_FILES, EXTENSION_TEXTS } from "./extension.js";
import { BOOLEANS, FILES, NUMBERS } from "./parameters.js";

/** How clients write a field of an object in a form: `dalle2[seed]`. */
const NESTED = /^dalle2\[([^[\]]+)\]$/;

const WORDS: Readonly<Record<string, boolean>> = { true: true, false: false };

/** The body in a form. Throws `ServerError` for what a form cannot say. */
export function bodyOfForm({ fields, files }: Form): Readonly<Record<string, unknown>> {
  const body = new Map<string, unknown>();
  const extension = new Map<string, unknown>();
  for (const [name, values] of fields) {
    const [, key] = NESTED.exec(name) ?? [];
    if (key !== undefined) extension.set(key, extensionValue(key, values));
    else body.set(name, name === "dalle2" ? undefined : fieldValue(name, one(name, values)));
  }
  for (const [name, values] of files) {
    const [, key] = NESTED.exec(name) ?? [];
    if (key !== undefined && EXTENSION_FILES.has(key)) {
      extension.set(key, one(name, values));
      continue;
    }
    if (!FILES.has(name))
      throw new ServerError("bad-request", `${shown(name)} must be text, not a file.`, { param: name });
    body.set(name, one(name, values));
  }
  const whole = fields.get("dalle2");
  if (whole || extension.size > 0) body.set("dalle2", joined(whole && one("dalle2", whole), extension));
  return Object.fromEntries(body);
}

/** The object `dalle2`: as JSON in one field, as a field for each of its own, or both. */
function joined(json: string | undefined, nested: ReadonlyMap<string, unknown>): unknown {
  if (json === undefined) return Object.fromEntries(nested);
  const value = jsonIn(json);
  return isRecord(value) && nested.size > 0 ? { ...value, ...Object.fromEntries(nested) } : value;
}

function jsonIn(json: string): unknown {
  try {
    return parseJson(json);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw new ServerError("bad-request", `"dalle2" must be a JSON object; it ${error.message}.`, { param: "dalle2" });
  }
}

function extensionValue(key: string, values: readonly string[]): unknown {
  const read = (text: string) => (text === "null" ? null : EXTENSION_TEXTS.has(key) ? text : numberIn(text));
  return values.length === 1 ? read(values[0]!) : values.map(read);
}

function fieldValue(name: string, text: string): unknown {
  if (FILES.has(name)) throw new ServerError("bad-request", `${shown(name)} must be a file.`, { param: name });
  if (NUMBERS.has(name)) return text === "null" ? null : numberIn(text);
  if (BOOLEANS.has(name) && Object.hasOwn(WORDS, text)) return WORDS[text];
  // OpenAI's clients say null so where it means the default; a prompt is what it says.
  return text === "null" && name !== "prompt" ? null : text;
}

/** The number that a text is; others stay, and the schema refuses them. */
function numberIn(text: string): number | string {
  return /^-?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text) ? Number(text) : text;
}

function one<T>(name: string, values: readonly T[]): T {
  if (values.length === 1) return values[0]!;
  const [, key = ""] = NESTED.exec(name) ?? [];
  const what = FILES.has(name) || EXTENSION_FILES.has(key) ? "files; this server takes one" : "values; give one";
  throw new ServerError("bad-request", `${shown(name)} has ${values.length} ${what}.`, { param: name });
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 80));
}
