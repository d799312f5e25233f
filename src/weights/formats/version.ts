// The version of the library that saved a checkpoint: a string, or an object of Python's packaging library, whose pickled
// form changed over time.
// https://github.com/pypa/packaging/blob/053c884615f2e83d80705251b447769ec2599653/src/packaging/version.py#L191-L225
import { FormatError } from "../errors.js";
import { excerpt } from "../../platform/printable.js";
import { describeValue, OpaqueObject } from "./pickle-values.js";

/** Longest string, and most parts, of a version. */
const MAX_TEXT = 100;
const MAX_PARTS = 20;

/** Version classes, from any package that has a copy of them. Not TorchVersion, which says which torch saved the file. */
const VERSION_CLASS = /^(Version|LegacyVersion|StrictVersion|LooseVersion|SetuptoolsVersion)$/;

interface Parts {
  readonly epoch: unknown;
  readonly release: unknown;
  readonly pre: unknown;
  readonly post: unknown;
  readonly dev: unknown;
  readonly local: unknown;
}

/**
 * A version as a string; undefined if there is none. Throws FormatError if the version cannot be read, because going on
 * would mean to assume another one.
 */
export function versionText(value: unknown, source: string): string | undefined {
  if (typeof value === "string") {
    if (value.length <= MAX_TEXT) return value;
    throw unreadable(source, `a string of ${value.length} characters`);
  }
  if (!(value instanceof OpaqueObject) || !VERSION_CLASS.test(lastName(value.type.name))) return undefined;
  const text = plainText(value);
  if (text !== undefined) return text;
  const parts = versionParts(value);
  const joined = parts && joinParts(parts);
  if (joined === undefined) throw unreadable(source, `a pickled ${describeValue(value)} of unknown layout`);
  return joined;
}

function unreadable(source: string, what: string): FormatError {
  return new FormatError(source, `its version cannot be read: ${what}`, {
    advice: "save the checkpoint with str(version)",
  });
}

function lastName(name: string): string {
  return excerpt(name.slice(name.lastIndexOf(".") + 1), 40);
}

/** The string in some version classes: a str with methods, or the version as it was written. */
function plainText({ args, state }: OpaqueObject): string | undefined {
  const kept: unknown = state instanceof Map ? (state.get("vstring") ?? state.get("_version")) : undefined;
  const text = args.length > 0 ? args[0] : kept;
  return typeof text === "string" && text.length <= MAX_TEXT ? text : undefined;
}

function versionParts({ state }: OpaqueObject): Parts | undefined {
  if (Array.isArray(state) && state.length === 6) {
    // packaging since 26.2.
    const [epoch, release, pre, post, dev, local] = state as unknown[];
    return { epoch, release, pre, post, dev, local };
  }
  // packaging 26.0 and 26.1: no dict, only slots.
  const fields: unknown = Array.isArray(state) && state.length === 2 ? state[1] : state;
  if (!(fields instanceof Map)) return undefined;
  const named: unknown = fields.get("_version");
  if (named instanceof OpaqueObject) {
    // Earlier: a named tuple.
    const [epoch, release, dev, pre, post, local] = named.args;
    return { epoch, release, pre, post, dev, local };
  }
  const field = (name: string): unknown => fields.get(`_${name}`);
  return {
    epoch: field("epoch"),
    release: field("release"),
    pre: field("pre"),
    post: field("post"),
    dev: field("dev"),
    local: field("local"),
  };
}

function joinParts({ epoch = 0, release, pre, post, dev, local }: Parts): string | undefined {
  if (!isNumber(epoch) || !isList(release) || release.length === 0 || !release.every(isNumber)) return undefined;
  const tags = [tag(pre, ""), tag(post, "."), tag(dev, ".")];
  const build = local ?? [];
  if (tags.includes(undefined) || !isList(build) || !build.every((part) => isNumber(part) || isWord(part)))
    return undefined;
  return [
    epoch === 0 ? "" : `${epoch}!`,
    release.join("."),
    ...tags,
    build.length > 0 ? `+${build.join(".")}` : "",
  ].join("");
}

/** `rc1` for ("rc", 1); empty for None. */
function tag(value: unknown, before: string): string | undefined {
  if (value === undefined || value === null) return "";
  const [word, number] = isList(value) ? value : [];
  return isWord(word) && isNumber(number) ? `${before}${word}${number}` : undefined;
}

function isList(value: unknown): value is readonly unknown[] {
  return Array.isArray(value) && value.length <= MAX_PARTS;
}

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isWord(value: unknown): value is string {
  return typeof value === "string" && /^[a-z\d]{1,40}$/i.test(value);
}
