// Converts the values of a pickle to plain data, as configs need.
import { FormatError } from "../errors.js";
import type { Budget } from "./budget.js";
import { describeValue } from "./pickle-values.js";

/** Deepest levels of a config that are kept. The train configs of DALLE2-pytorch have 6 levels. */
const MAX_DEPTH = 64;
const DEEPER = "<deeper levels>";
/** Memory of one value of a config, with its share of the object or array around it. */
const NODE_WORDS = 24;
/** Most parts of a key that is a tuple. */
const MAX_KEY_PARTS = 100;

/**
 * Converts dicts to objects, sequences to arrays, and objects of any class to a string that names the class: values that
 * JSON can have. Throws FormatError if the result would be unreasonably large.
 */
export function toPlain(value: unknown, budget: Budget): unknown {
  const convert = (part: unknown, depth: number): unknown => {
    budget.spend(typeof part === "string" ? 1 + part.length : 1);
    budget.hold(NODE_WORDS);
    if (typeof part === "bigint") return Number(part);
    if (typeof part !== "object" || part === null) return part;
    const isList = part instanceof Set || Array.isArray(part);
    if (!isList && !(part instanceof Map)) return part instanceof Uint8Array ? "<bytes>" : describeValue(part);
    if (depth === MAX_DEPTH) return DEEPER;
    if (isList) return Array.from(part as Iterable<unknown>, (item) => convert(item, depth + 1));
    const items = [...(part as ReadonlyMap<unknown, unknown>)];
    return Object.fromEntries(items.map(([key, item]) => [keyText(key, budget), convert(item, depth + 1)]));
  };
  return convert(value, 0);
}

/** A key as a string. A tuple gives all its parts, as Python writes them. */
function keyText(key: unknown, budget: Budget): string {
  let parts = 0;
  const write = (part: unknown): string => {
    if (++parts > MAX_KEY_PARTS)
      throw new FormatError(budget.source, "its config has a key of nested tuples without end");
    return Array.isArray(part) ? `(${part.map(write).join(", ")})` : describeValue(part);
  };
  budget.spend(typeof key === "string" ? 1 + key.length : 1);
  return typeof key === "string" ? key : write(key);
}
