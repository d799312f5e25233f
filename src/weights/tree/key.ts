// The user's key for the model in a checkpoint: keys of dicts from the outermost one, then a prefix of its tensors' names.
import { FormatError } from "../errors.js";
import { entriesOf, isNode, type Entry, type Parts } from "./entries.js";
import { namedTensors } from "./named-tensors.js";
import { excerpt } from "../../platform/printable.js";

/** Keys joined by dots, or as a list: `state_dict.model`, `["state_dict", "model"]`. */
export type StateDictKey = string | readonly string[];

/** Most keys that a message lists. */
const MAX_LISTED = 20;

/** The key as one string. */
export function keyText(key: StateDictKey): string {
  return typeof key === "string" ? key : key.join(".");
}

/**
 * The value at a key. For a prefix of a state dict: its tensors, under the rest of their names. Throws FormatError if there
 * is no value.
 */
export function valueAt<Tensor>(tree: unknown, key: string, parts: Parts<Tensor>): unknown {
  const { node, rest } = descend(tree, key, parts);
  if (rest === "") return node;
  const start = `${rest}.`;
  const below = namedTensors(node, parts).filter(({ path }) => path.startsWith(start));
  if (below.length > 0) return new Map(below.map(({ path, tensor }) => [path.slice(start.length), tensor]));
  const reached = key.slice(0, Math.max(0, key.length - rest.length - 1));
  throw new FormatError(
    parts.budget.source,
    `the key of its weights does not match: there is no ${JSON.stringify(excerpt(rest))} in ${reached === "" ? "it" : JSON.stringify(excerpt(reached))}; ${describeKeys(node)}`,
    { advice: 'correct the key: "state_dict_key" beside load_model_from, or --key' },
  );
}

/** The dicts from the outermost one, as far as the key leads. */
export function dictsOnPath<Tensor>(
  tree: unknown,
  key: string,
  parts: Parts<Tensor>,
): readonly ReadonlyMap<unknown, unknown>[] {
  return descend(tree, key, parts).passed.filter((node) => node instanceof Map);
}

/** Follows a key through dicts, lists and objects. If two keys of a node match, the longer counts. */
function descend<Tensor>(tree: unknown, key: string, parts: Parts<Tensor>) {
  const passed = [tree];
  let [node, rest] = [tree, key];
  while (rest !== "" && isNode(node)) {
    let longest: Entry | undefined;
    for (const entry of parts.of(node)) {
      const { length } = entry.key;
      const fits = rest.startsWith(entry.key) && (rest.length === length || rest[length] === ".");
      if (fits && isNode(entry.value) && length >= (longest?.key.length ?? 0)) longest = entry;
    }
    if (!longest) break;
    node = longest.value;
    rest = rest.slice(longest.key.length + 1);
    passed.push(node);
  }
  return { node, rest, passed };
}

/** Describes the keys of a node, for a message. */
export function describeKeys(node: unknown): string {
  if (!isNode(node)) return "it contains no dict";
  if (Array.isArray(node)) return `it contains a list of ${node.length}, not a dict`;
  const keys = new Set<string>();
  for (const { key, value } of entriesOf(node)) {
    // For tensors' names, only the part before the first dot.
    keys.add(excerpt(isNode(value) ? key : key.split(".", 1)[0]!));
    if (keys.size > MAX_LISTED) break;
  }
  if (keys.size === 0) return "it is empty";
  const listed = [...keys].slice(0, MAX_LISTED).join(", ");
  return `it has the keys ${listed}${keys.size > MAX_LISTED ? ", …" : ""}`;
}
