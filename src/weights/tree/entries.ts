// What a checkpoint holds, as a tree: dicts, lists and pickled objects are its nodes, anything else is a leaf.
import { OpaqueObject } from "../formats/pickle-values.js";

/** One thing in a node. */
export interface Entry {
  readonly key: string;
  readonly value: unknown;
  /** Whether the key is an attribute of an object, and so a part of tensors' names, rather than the key of a dict or list. */
  readonly isAttribute: boolean;
}

/** Whether a value may hold others. */
export function isNode(value: unknown): value is object {
  return value instanceof Map || Array.isArray(value) || value instanceof OpaqueObject;
}

/**
 * What a node holds, under its keys; of a module of torch its parameters, its buffers and its parts, as `state_dict()`
 * would name them. Keys that are neither text nor whole numbers are left out.
 */
export function* entriesOf(node: object): Generator<Entry> {
  if (node instanceof Map) yield* mapEntries(node, false);
  else if (Array.isArray(node)) yield* listEntries(node);
  else if (node instanceof OpaqueObject) yield* objectEntries(node);
}

function* mapEntries(map: ReadonlyMap<unknown, unknown>, isAttribute: boolean): Generator<Entry> {
  for (const [key, value] of map) {
    if (typeof key === "string") yield { key, value, isAttribute };
    else if (typeof key === "number") yield { key: String(key), value, isAttribute };
  }
}

function* listEntries(list: readonly unknown[]): Generator<Entry> {
  for (const [index, value] of list.entries()) yield { key: String(index), value, isAttribute: false };
}

function* objectEntries({ args, state, items }: OpaqueObject): Generator<Entry> {
  // With slots, the state is a pair of dicts. Modules of torch.fx, and dicts of old protocols, are made of their content.
  for (const part of [...args, ...(Array.isArray(state) ? (state as readonly unknown[]) : [state])])
    if (part instanceof Map) yield* attributes(part);
  // Objects that are dicts themselves.
  for (const item of items)
    if (Array.isArray(item) && item.length === 2 && typeof item[0] === "string")
      yield { key: item[0], value: item[1] as unknown, isAttribute: true };
}

function* attributes(state: ReadonlyMap<unknown, unknown>): Generator<Entry> {
  const parameters = state.get("_parameters");
  const buffers = state.get("_buffers");
  const modules = state.get("_modules");
  // TorchScript, and objects that are no modules, keep what they hold directly.
  if (!(parameters instanceof Map && modules instanceof Map)) {
    yield* mapEntries(state, true);
    return;
  }
  yield* mapEntries(parameters, true);
  const volatile = state.get("_non_persistent_buffers_set");
  for (const entry of buffers instanceof Map ? mapEntries(buffers, true) : [])
    if (!(volatile instanceof Set && volatile.has(entry.key))) yield entry;
  yield* mapEntries(modules, true);
}
