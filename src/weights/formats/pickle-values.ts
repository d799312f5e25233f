/** The name of a Python class or function. Naming it loads nothing and runs nothing. */
export class PythonName {
  constructor(
    readonly module: string,
    readonly name: string,
  ) {}

  toString(): string {
    return `${this.module}.${this.name}`;
  }
}

/**
 * An instance of a class that this library has no use for: what a pickle says of it, with nothing executed.
 * `args` went to its constructor or factory, `state` to its `__setstate__`, `items` are what was appended to or set in it.
 */
export class OpaqueObject {
  state: unknown = undefined;
  readonly items: unknown[] = [];

  constructor(
    readonly type: PythonName,
    readonly args: readonly unknown[],
  ) {}
}

type Constructor = (args: readonly unknown[]) => unknown;

const filledMap: Constructor = ([items]) =>
  items instanceof Map ? items : new Map(Array.isArray(items) ? items.filter(isPair) : []);
const filledSet: Constructor = ([items]) => new Set(Array.isArray(items) ? (items as unknown[]) : []);

// Python's containers, where a pickle makes them by name rather than by an opcode of their own.
const CONTAINERS: ReadonlyMap<string, Constructor> = new Map<string, Constructor>([
  ["collections.OrderedDict", filledMap],
  ["collections.defaultdict", () => new Map()],
  ["builtins.dict", filledMap],
  ["builtins.list", ([items]) => (Array.isArray(items) ? [...(items as unknown[])] : [])],
  ["builtins.set", filledSet],
  ["builtins.frozenset", filledSet],
]);

/** Makes a container of Python's own, or gives undefined for any other name. Dicts become Map, sets Set. */
export function constructContainer(type: PythonName, args: readonly unknown[]): unknown {
  // Python 2's name for the module, which pickles up to protocol 2 still use.
  const name = type.toString().replace(/^__builtin__\./, "builtins.");
  return CONTAINERS.get(name)?.(args);
}

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}
