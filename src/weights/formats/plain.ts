// From the values of a pickle to plain data: what a config or a version is to the rest of the library.
import { FormatError } from "../errors.js";
import { OpaqueObject } from "./pickle-values.js";

/** Deepest config; the train configs of DALLE2-pytorch have 6 levels. */
const MAX_DEPTH = 32;
const MAX_VALUES = 100_000;

/**
 * Dicts as objects, sequences as arrays, and objects of any class as a text that names the class: what JSON can hold.
 * Throws FormatError for a cycle or an unreasonable size.
 */
export function toPlain(value: unknown, source: string): unknown {
  let count = 0;
  const convert = (part: unknown, depth: number): unknown => {
    if (depth > MAX_DEPTH || ++count > MAX_VALUES)
      throw new FormatError(source, "its config is a cycle, or larger than any config is");
    if (part instanceof Map)
      return Object.fromEntries([...part].map(([key, item]) => [String(key), convert(item, depth + 1)]));
    if (part instanceof Set || Array.isArray(part))
      return [...(part as Iterable<unknown>)].map((item) => convert(item, depth + 1));
    if (typeof part === "bigint") return Number(part);
    if (typeof part === "object" && part !== null)
      return `<${part instanceof OpaqueObject ? part.type.toString() : part.constructor.name}>`;
    return part;
  };
  return convert(value, 0);
}

/**
 * A version as text: a string, or a pickled `packaging.version.Version`, which keeps its parts in a tuple
 * (epoch, release, dev, pre, post, local). Gives undefined for anything else.
 */
export function versionText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (!(value instanceof OpaqueObject) || value.type.name !== "Version") return undefined;
  const parts: unknown = value.state instanceof Map ? value.state.get("_version") : undefined;
  if (!(parts instanceof OpaqueObject)) return undefined;
  const [epoch, release, dev, pre, post, local] = parts.args;
  if (!Array.isArray(release)) return undefined;
  return [
    epoch === 0 ? "" : `${String(epoch)}!`,
    release.join("."),
    Array.isArray(pre) ? pre.join("") : "",
    Array.isArray(post) ? `.${post.join("")}` : "",
    Array.isArray(dev) ? `.${dev.join("")}` : "",
    Array.isArray(local) ? `+${local.join(".")}` : "",
  ].join("");
}
