// Reads the bodies of requests: JSON, and forms with files. `Guard.body` has bounded their bytes.
import type { Context } from "hono";
import type { z } from "@hono/zod-openapi";
import { isRecord } from "../../platform/objects.js";
import { JsonError, parseJson } from "../../platform/json.js";
import type { ServerEnv } from "../context.js";
import { ServerError } from "../server-error.js";
import type { ServerSettings } from "./parts.js";

/** Fields and files of a form by name, in the order in which they came. `[]` at the end of names is removed. */
export interface Form {
  readonly fields: ReadonlyMap<string, readonly string[]>;
  readonly files: ReadonlyMap<string, readonly Uint8Array<ArrayBuffer>[]>;
}

/** Reads a JSON object. Throws `ServerError`. */
export async function readJson(c: Context<ServerEnv>): Promise<Readonly<Record<string, unknown>>> {
  requireType(c, "application/json");
  const bytes = await bytesOf(c);
  const value = parsed(bytes);
  if (isRecord(value)) return value;
  throw new ServerError("bad-request", "The body must be a JSON object.");
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return parseJson(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    const problem = cause instanceof JsonError ? cause.message : "is not UTF-8";
    throw new ServerError("bad-request", `The body ${problem}.`, { cause });
  }
}

/** Reads a form (`multipart/form-data`). Throws `ServerError`. */
export async function readForm(
  c: Context<ServerEnv>,
  { maxFieldBytes, maxFields }: Pick<ServerSettings, "maxFieldBytes" | "maxFields">,
): Promise<Form> {
  const contentType = requireType(c, "multipart/form-data");
  const bytes = await bytesOf(c);
  checkCount(bytes, contentType, maxFields);
  const fields = new Map<string, string[]>();
  const files = new Map<string, Uint8Array<ArrayBuffer>[]>();
  for (const [sentName, value] of await formData(bytes, contentType)) {
    const name = sentName.replace(/\[\d*\]$/, "");
    if (typeof value === "string") {
      if (value.length > maxFieldBytes)
        throw new ServerError("too-large", `A field of the form has more than ${maxFieldBytes} bytes.`);
      fields.set(name, [...(fields.get(name) ?? []), value]);
    } else {
      files.set(name, [...(files.get(name) ?? []), new Uint8Array(await value.arrayBuffer())]);
    }
  }
  return { fields, files };
}

async function formData(bytes: Uint8Array<ArrayBuffer>, contentType: string): Promise<FormData> {
  try {
    return await new Response(bytes, { headers: { "content-type": contentType } }).formData();
  } catch (cause) {
    throw new ServerError("bad-request", "The body is not a form as its Content-Type says (multipart/form-data).", {
      cause,
    });
  }
}

/** Counts the parts before they are parsed: a body of small parts would make very many objects. */
function checkCount(bytes: Uint8Array<ArrayBuffer>, contentType: string, maxFields: number): void {
  const [, quoted, plain] = /boundary=(?:"([^"]+)"|([^;\s]+))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary === undefined) throw new ServerError("bad-request", "The Content-Type of the form has no boundary.");
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const mark = `--${boundary}`;
  let at = body.indexOf(mark);
  // The last mark ends the form.
  for (let count = 0; at >= 0; count++) {
    if (count > maxFields) throw new ServerError("too-large", `The form has more than ${maxFields} fields and files.`);
    at = body.indexOf(mark, at + mark.length);
  }
}

async function bytesOf(c: Context<ServerEnv>): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await c.req.arrayBuffer());
  } catch (cause) {
    if (cause instanceof ServerError) throw cause;
    throw new ServerError("closed-by-caller", "The body of the request ended too early.", { cause });
  }
}

/** Checks the type of the body and returns the whole header. */
function requireType(c: Context<ServerEnv>, type: string): string {
  const given = c.req.header("content-type") ?? "";
  if (given.split(";", 1)[0]!.trim().toLowerCase() === type) return given;
  const said = given === "" ? "there is none" : `it is ${JSON.stringify(given.slice(0, 80))}`;
  throw new ServerError("wrong-type", `The Content-Type must be ${type}; ${said}.`);
}

/** Checks a body by its schema. Throws `ServerError` with the first problem. */
export function checkBody<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  const issue = deepest(error.issues[0]!);
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    const name = [...path, issue.keys[0]!].join(".");
    throw new ServerError("bad-request", `Unknown parameter: ${JSON.stringify(name.slice(0, 80))}.`, {
      param: name.slice(0, 80),
    });
  }
  const param = path.join(".");
  if (isMissing(body, issue.path))
    throw new ServerError("bad-request", `Missing parameter: ${JSON.stringify(param)}.`, { param });
  throw new ServerError("bad-request", `Invalid value for ${JSON.stringify(param)}: ${issue.message}.`, { param });
}

type Issue = z.core.$ZodIssue;

/** Of several alternatives, the problem of the one that came furthest. */
function deepest(issue: Issue): Issue {
  if (issue.code !== "invalid_union") return issue;
  const inner = issue.errors.flatMap((issues) => issues.slice(0, 1));
  const furthest = inner.reduce<Issue | undefined>(
    (best, one) => (best && best.path.length >= one.path.length ? best : one),
    undefined,
  );
  return furthest ? deepest({ ...furthest, path: [...issue.path, ...furthest.path] }) : issue;
}

function isMissing(body: unknown, path: readonly PropertyKey[]): boolean {
  let value = body;
  for (const key of path) {
    if (!isRecord(value)) return false;
    value = value[String(key)];
  }
  return value === undefined;
}
