import { excerpt } from "../../platform/printable.js";

/** The name of a Python class or function. It is never imported or run. */
export class PythonName {
  #full: string | undefined;

  constructor(
    readonly module: string,
    readonly name: string,
  ) {}

  /** Length of the full name in characters. */
  get length(): number {
    return this.module.length + 1 + this.name.length;
  }

  toString(): string {
    return (this.#full ??= `${this.module}.${this.name}`);
  }
}

/** A value whose state follows its construction, by a BUILD opcode. */
export abstract class Stateful {
  abstract setState(state: unknown): void;
}

/**
 * An instance of any other class: the data that the pickle has for it, with nothing executed. `args` are for its constructor
 * or factory, `state` is for its `__setstate__`, `items` were appended to it or set in it.
 */
export class OpaqueObject extends Stateful {
  state: unknown = undefined;
  readonly items: unknown[] = [];

  constructor(
    readonly type: PythonName,
    readonly args: readonly unknown[],
  ) {
    super();
  }

  override setState(state: unknown): void {
    this.state = state;
  }
}

/** A short description of any value, for a message. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") return excerpt(value, 60);
  if (value instanceof PythonName) return pythonName(value);
  if (value instanceof OpaqueObject) return `<${pythonName(value.type)}>`;
  if (Array.isArray(value)) return `<${value.length} items>`;
  if (value instanceof Map) return `<dict of ${value.size}>`;
  if (value instanceof Set) return `<set of ${value.size}>`;
  if (value instanceof Uint8Array) return `<${value.length} bytes>`;
  if (typeof value === "bigint") return BigInt.asIntN(64, value) === value ? `${value}` : "<a large integer>";
  if (value === null || value === undefined) return "None";
  return typeof value === "object" ? `<${value.constructor.name}>` : `${value as number | boolean}`;
}

function pythonName({ module, name }: PythonName): string {
  return `${excerpt(module, 60)}.${excerpt(name, 60)}`;
}
