// The calls that pickles use most: constructors of Python's own containers and bytes, and helpers that make an instance of a
// class. They are evaluated here as data. All other calls are left to the caller or become opaque objects.
import type { Budget } from "./budget.js";
import { encodeLatin1 } from "./pickle-text.js";
import { OpaqueObject, PythonName } from "./pickle-values.js";

/** A class or function with its arguments. */
export interface Call {
  readonly type: PythonName;
  readonly args: readonly unknown[];
}

/** The final call, if one callable wraps another. Undefined if Python could not make the call. */
export function resolveCall(callee: unknown, args: readonly unknown[], budget: Budget): Call | undefined {
  for (;;) {
    budget.spend(1 + args.length);
    if (callee instanceof OpaqueObject) {
      if (callee.type.toString() !== "functools.partial") return { type: resultOf(callee.type), args };
      [callee, args] = [callee.args[0], [...callee.args.slice(1), ...args]];
      continue;
    }
    if (!(callee instanceof PythonName)) return undefined;
    budget.spend(callee.length >> 3);
    const [type, second] = args;
    if (!(type instanceof PythonName)) return { type: callee, args };
    switch (modernName(callee)) {
      // How protocols 0 and 1 make an instance of a class: from a base class and its value.
      case "copyreg._reconstructor":
        return { type, args: baseArguments(second, args[2]) };
      case "copyreg.__newobj__":
        [callee, args] = [type, args.slice(1)];
        break;
      case "copyreg.__newobj_ex__":
        [callee, args] = [type, Array.isArray(second) ? (second as readonly unknown[]) : []];
        break;
      default:
        return { type: callee, args };
    }
  }
}

/** The result of calling an opaque object, which is opaque too. */
function resultOf(type: PythonName): PythonName {
  return type.name.endsWith("()") ? type : new PythonName(type.module, `${type.name}()`);
}

function baseArguments(base: unknown, content: unknown): readonly unknown[] {
  const name = base instanceof PythonName ? modernName(base) : "";
  if (name === "builtins.object") return [];
  return name === "builtins.tuple" && Array.isArray(content) ? (content as readonly unknown[]) : [content];
}

/** Module names of Python 2, which pickles up to protocol 2 still use. */
const RENAMED: ReadonlyMap<string, string> = new Map([
  ["__builtin__", "builtins"],
  ["copy_reg", "copyreg"],
]);

function modernName(type: PythonName): string {
  const module = RENAMED.get(type.module);
  return module === undefined ? type.toString() : `${module}.${type.name}`;
}

type Maker = (args: readonly unknown[], budget: Budget) => unknown;

const filledMap: Maker = ([items], budget) => {
  const pairs = items instanceof Map ? items : Array.isArray(items) ? items.filter(isPair) : [];
  const map = new Map<unknown, unknown>(pairs);
  budget.hold(24 + 6 * map.size);
  return map;
};

const filledSet: Maker = ([items], budget) => {
  const set = new Set(listOf(items));
  budget.hold(16 + 5 * set.size);
  return set;
};

const filledList: Maker = ([items], budget) => {
  const list = [...listOf(items)];
  budget.hold(6 + list.length);
  return list;
};

/** Protocols up to 2 have no bytes: Python pickles them as a string to encode in Latin-1. */
const encodedBytes: Maker = ([text = "", encoding = "latin1"], budget) => {
  if (text instanceof Uint8Array) return text;
  if (typeof text !== "string" || typeof encoding !== "string" || !/^(latin|iso)[-_]?(8859[-_])?1$/.test(encoding))
    return undefined;
  budget.hold(6 + (text.length >> 3));
  return encodeLatin1(text);
};

/** An attribute of a name is a name: of a nested class, a method, a member of an enumeration. */
const attribute: Maker = ([owner, name], budget) => {
  if (!(owner instanceof PythonName) || typeof name !== "string") return undefined;
  budget.spend((owner.length + name.length) >> 3);
  budget.hold(6);
  return new PythonName(owner.module, `${owner.name}.${name}`);
};

const MAKERS: ReadonlyMap<string, Maker> = new Map<string, Maker>([
  ["collections.OrderedDict", filledMap],
  ["collections.defaultdict", ([, items], budget) => filledMap([items], budget)],
  ["builtins.dict", filledMap],
  ["builtins.list", filledList],
  ["builtins.tuple", filledList],
  ["builtins.set", filledSet],
  ["builtins.frozenset", filledSet],
  ["builtins.bytes", encodedBytes],
  ["builtins.bytearray", encodedBytes],
  ["_codecs.encode", encodedBytes],
  ["builtins.getattr", attribute],
]);

/** Makes the values of Python's own functions; undefined for any other call. Dicts become Map, sets Set. */
export function callPython({ type, args }: Call, budget: Budget): unknown {
  const make = MAKERS.get(modernName(type));
  if (!make) return undefined;
  // One long list in the memo may be copied many times: each copy counts.
  for (const arg of args) budget.spend(sizeOf(arg));
  return make(args, budget);
}

function sizeOf(value: unknown): number {
  if (value instanceof Map || value instanceof Set) return value.size;
  if (typeof value === "string") return value.length >> 1;
  return Array.isArray(value) ? value.length : 0;
}

function listOf(value: unknown): Iterable<unknown> {
  return Array.isArray(value) || value instanceof Set ? (value as Iterable<unknown>) : [];
}

function isPair(value: unknown): value is [unknown, unknown] {
  return Array.isArray(value) && value.length === 2;
}
