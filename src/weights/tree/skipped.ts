// Describes what a checkpoint contains besides the model.
import { OpaqueObject, PythonName } from "../formats/pickle-values.js";
import { entriesOf, isNode, type Parts } from "./entries.js";
import { excerpt } from "../../platform/printable.js";

/** A value in a checkpoint that is not read. */
export interface Skipped {
  /** Its keys, joined by dots. */
  readonly key: string;
  /** What it is, such as `a dict of 3`. */
  readonly what: string;
}

const MAX_LISTED = 100;
const MAX_DEPTH = 100;
/** Longest path that is shown. */
const MAX_PATH = 200;

interface Taken<Tensor> {
  readonly parts: Parts<Tensor>;
  readonly tensors: ReadonlySet<Tensor>;
  /** True if an entry of a dict is reported elsewhere. */
  readonly isKnown: (node: object, key: string) => boolean;
}

/** Lists what is not used, each dict as one entry. At most a hundred entries; the rest as a number. */
export function listSkipped<Tensor>(tree: unknown, taken: Taken<Tensor>): readonly Skipped[] {
  const listed: Skipped[] = [];
  let more = 0;
  const add = (key: string, what: string): void => {
    if (listed.length < MAX_LISTED) listed.push({ key: excerpt(key), what: excerpt(what) });
    else more++;
  };
  const { kind, budget } = taken.parts;
  const holds = holder(taken);
  const seen = new Set<object>();
  const visit = (node: object, path: string, depth: number): void => {
    if (seen.has(node)) return;
    seen.add(node);
    const strays = strayTensors(node, taken);
    for (const { key, value } of entriesOf(node)) {
      // Objects may share the dict of their attributes, which is visited for each of them.
      budget.spend(1);
      if (taken.isKnown(node, key) || kind.isTensor(value)) continue;
      // Used tensors are never deeper than this.
      if (depth < MAX_DEPTH && holds(value)) visit(value as object, `${path}${key}.`.slice(0, MAX_PATH), depth + 1);
      else add(path + key, describe(value));
    }
    for (const [key, { count, first }] of strays)
      add(path + key, count === 1 ? `a tensor, ${kind.describe(first)}` : `${count} tensors`);
  };
  if (isNode(tree)) visit(tree, "", 0);
  return more === 0 ? listed : [...listed, { key: "…", what: `${more} more` }];
}

/** Tells whether a value is or contains a used tensor. */
function holder<Tensor>({ parts, tensors }: Taken<Tensor>): (value: unknown) => boolean {
  const { kind } = parts;
  const known = new Map<object, boolean>();
  const holds = (value: unknown, depth: number): boolean => {
    if (kind.isTensor(value)) return tensors.has(value);
    if (!isNode(value) || depth > MAX_DEPTH) return false;
    const before = known.get(value);
    if (before !== undefined) return before;
    known.set(value, false);
    for (const entry of parts.of(value))
      if (holds(entry.value, depth + 1)) {
        known.set(value, true);
        return true;
      }
    return false;
  };
  return (value) => holds(value, 0);
}

/** Tensors in a node that are not used, grouped by the shortest prefix that no used tensor has. */
function strayTensors<Tensor>(node: object, { parts, tensors }: Taken<Tensor>) {
  const { kind, budget } = parts;
  const own = new Set<string>();
  const strays: { readonly key: string; readonly tensor: Tensor }[] = [];
  for (const { key, value } of parts.of(node)) {
    if (!kind.isTensor(value)) continue;
    budget.spend(key.length);
    if (!tensors.has(value)) strays.push({ key, tensor: value });
    else for (const beginning of beginnings(key)) own.add(beginning);
  }
  const groups = new Map<string, { count: number; readonly first: Tensor }>();
  for (const { key, tensor } of strays) {
    const group = beginnings(key).find((beginning) => !own.has(beginning)) ?? key;
    const known = groups.get(group);
    if (known) known.count++;
    else groups.set(group, { count: 1, first: tensor });
  }
  return groups;
}

/** Most levels of a name by which tensors are grouped. */
const MAX_LEVELS = 8;

/** The prefixes of `a.b.c`: `a`, `a.b`, `a.b.c`. */
function beginnings(name: string): readonly string[] {
  const parts = name.split(".", MAX_LEVELS);
  const found = parts.map((_, i) => parts.slice(0, i + 1).join("."));
  return found.includes(name) ? found : [...found, name];
}

/** Describes a value. Strings are not shown, because they may be secrets. */
function describe(value: unknown): string {
  if (value === null || value === undefined) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (typeof value === "number") return `the number ${value}`;
  if (typeof value === "bigint") return "a large number";
  if (typeof value === "string") return `a string of ${value.length} characters`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof Map) return `a dict of ${value.size}`;
  if (value instanceof Set) return `a set of ${value.size}`;
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (value instanceof PythonName) return `the name ${excerpt(value.toString())}`;
  if (value instanceof OpaqueObject) return `an object of ${excerpt(classOf(value).toString())}`;
  return "a value that is not read";
}

/** The class of an object. In old pickles it is the first argument of a function that makes the object. */
function classOf({ type, args: [first] }: OpaqueObject): PythonName {
  return /^_reconstructor$|^__newobj__$/.test(type.name) && first instanceof PythonName ? first : type;
}
