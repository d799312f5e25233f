// The tree of a checkpoint: dicts, lists and pickled objects are nodes; everything else is a leaf.
import type { Budget } from "../formats/budget.js";
import { OpaqueObject } from "../formats/pickle-values.js";
import { NO_NAMES, type ModelNames } from "./model-names.js";

/** How to handle the tensors in a file's tree. */
export interface TensorKind<Tensor> {
  readonly isTensor: (value: unknown) => value is Tensor;
  /** True if two tensors are the same elements of the file. */
  readonly isSame: (one: Tensor, other: Tensor) => boolean;
  /** Type and shape. */
  readonly describe: (tensor: Tensor) => string;
}

/** One entry of a node. */
export interface Entry {
  readonly key: string;
  readonly value: unknown;
}

/** True if a value may contain others. */
export function isNode(value: unknown): value is object {
  return value instanceof Map || Array.isArray(value) || value instanceof OpaqueObject;
}

/** True if the keys of a node are attributes of an object, and so parts of tensors' names, not keys of a dict or list. */
export function hasAttributes(node: object): boolean {
  return node instanceof OpaqueObject;
}

/**
 * The values in a node under their keys. For a torch module: its parameters, buffers and submodules, named as in
 * `state_dict()`. Keys that are neither strings nor whole numbers are left out.
 */
export function* entriesOf(node: object): Generator<Entry> {
  for (const { entries, except } of containersOf(node))
    for (const entry of keyedEntries(entries)) if (!except?.has(entry.key)) yield entry;
}

/** A dict or list that belongs to a node. Objects may share theirs. */
interface Container {
  readonly entries: object;
  /** Names to leave out. */
  readonly except?: ReadonlySet<unknown>;
}

function containersOf(node: object): readonly Container[] {
  if (!(node instanceof OpaqueObject)) return [{ entries: node }];
  return [...statesOf(node).flatMap(attributesOf), { entries: new Items(node.items) }];
}

/** The items of an object that is a dict (as pairs) or a list. */
class Items {
  constructor(readonly items: readonly unknown[]) {}
}

function* keyedEntries(container: object): Generator<Entry> {
  if (container instanceof Map) {
    for (const [key, value] of container as ReadonlyMap<unknown, unknown>)
      if (typeof key === "string" || typeof key === "number") yield { key: String(key), value };
  } else if (container instanceof Items) {
    for (const item of container.items)
      if (Array.isArray(item) && item.length === 2 && typeof item[0] === "string")
        yield { key: item[0], value: item[1] as unknown };
  } else if (Array.isArray(container)) {
    for (const [index, value] of container.entries()) yield { key: String(index), value: value as unknown };
  }
}

/** Most constructor arguments that are searched for the content of an object. */
const MAX_ARGS = 4;

/**
 * The dicts of an object's attributes. With slots, its state is a pair of dicts. Modules of torch.fx, and dicts in old
 * protocols, get their content as arguments.
 */
function statesOf({ args, state }: OpaqueObject): readonly ReadonlyMap<unknown, unknown>[] {
  const states: readonly unknown[] = Array.isArray(state) ? (state as unknown[]).slice(0, 2) : [state];
  return [...args.slice(0, MAX_ARGS), ...states].filter((part) => part instanceof Map);
}

/** For a module: its parameters, buffers and submodules. TorchScript and other objects keep their values directly. */
function attributesOf(state: ReadonlyMap<unknown, unknown>): readonly Container[] {
  const parameters = state.get("_parameters");
  const buffers = state.get("_buffers");
  const modules = state.get("_modules");
  if (!(parameters instanceof Map && modules instanceof Map)) return [{ entries: state }];
  const volatile = state.get("_non_persistent_buffers_set");
  return [
    { entries: parameters },
    ...(buffers instanceof Map ? [{ entries: buffers, ...(volatile instanceof Set && { except: volatile }) }] : []),
    { entries: modules },
  ];
}

/** The tensors and nodes in each node of a tree. Shared nodes are searched once. */
export class Parts<Tensor> {
  readonly #known = new Map<object, readonly Entry[]>();

  constructor(
    readonly kind: TensorKind<Tensor>,
    /** The cost that walking the tree may have. */
    readonly budget: Budget,
    /** What the names of tensors tell. */
    readonly names: ModelNames = NO_NAMES,
  ) {}

  /** The entries of a node that are tensors or nodes. Throws FormatError if the budget is used up. */
  of(node: object): readonly Entry[] {
    const containers = containersOf(node);
    const parts = containers.map(({ entries, except }) => {
      const found = this.#partsOf(entries);
      this.budget.spend(1 + found.length);
      return except ? found.filter(({ key }) => !except.has(key)) : found;
    });
    return parts.length === 1 ? parts[0]! : parts.flat();
  }

  #partsOf(container: object): readonly Entry[] {
    const identity = container instanceof Items ? container.items : container;
    const known = this.#known.get(identity);
    if (known) return known;
    this.budget.spend(sizeOf(container));
    const parts: Entry[] = [];
    for (const entry of keyedEntries(container))
      if (this.kind.isTensor(entry.value) || isNode(entry.value)) parts.push(entry);
    this.budget.hold(ENTRY_WORDS * parts.length);
    this.#known.set(identity, parts);
    return parts;
  }
}

/** Memory of one entry. */
const ENTRY_WORDS = 6;

function sizeOf(container: object): number {
  if (container instanceof Items) return container.items.length;
  return container instanceof Map ? container.size : Array.isArray(container) ? container.length : 0;
}
