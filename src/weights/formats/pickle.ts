// Python's pickle, protocols 0 to 5, as data. A pickle is a program for a stack machine whose opcodes may import any
// name and call it; this machine imports and calls nothing. Names become PythonName, calls become what the caller's
// `construct` makes of them or an OpaqueObject that records them.
import { Op } from "./pickle-opcodes.js";
import { PickleReader } from "./pickle-reader.js";
import { constructContainer, OpaqueObject, PythonName } from "./pickle-values.js";

/** What keeps a small hostile pickle from taking much memory, time or stack. */
export interface PickleLimits {
  /** Opcodes executed, and items copied. Each makes at most one small object besides its own argument. */
  readonly operations: number;
  /** Levels of containers within containers. */
  readonly depth: number;
}

const LIMITS: PickleLimits = { operations: 2_000_000, depth: 256 };

/** How names and references that mean something to the caller are turned into values. */
export interface UnpickleOptions {
  /** The file's name, for messages. */
  readonly source: string;
  /** The value of a call `type(*args)`, or undefined to record it as an OpaqueObject. */
  readonly construct: (type: PythonName, args: readonly unknown[]) => unknown;
  /** The value behind a persistent id. */
  readonly persistentLoad: (id: unknown) => unknown;
  readonly limits?: Partial<PickleLimits>;
}

/**
 * Reads one pickled object: None is null, int is number or bigint, bytes is Uint8Array, list and tuple are arrays, dict is
 * Map, set is Set. Throws FormatError for anything damaged, over the limits, or outside the format.
 */
export function unpickle(bytes: Uint8Array, options: UnpickleOptions): unknown {
  return unpickleAt(bytes, 0, options).value;
}

/**
 * The same for a pickle that starts at byte `start`, with the position behind it: files may hold several in a row.
 * Throws TruncatedError where the bytes end first.
 */
export function unpickleAt(
  bytes: Uint8Array,
  start: number,
  options: UnpickleOptions,
): { value: unknown; end: number } {
  const reader = new PickleReader(bytes, options.source, start);
  return { value: new Machine(reader, options).run(), end: reader.offset };
}

class Machine {
  private readonly stack: unknown[] = [];
  /** Heights of the stack where a MARK was set. */
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, unknown>();
  private readonly depths = new WeakMap<object, number>();
  private readonly limits: PickleLimits;
  private operations = 0;

  constructor(
    private readonly reader: PickleReader,
    private readonly options: UnpickleOptions,
  ) {
    this.limits = { ...LIMITS, ...options.limits };
  }

  run(): unknown {
    for (;;) {
      this.charge(1);
      const op = this.reader.uint8();
      if (op === Op.STOP) return this.pop();
      if (!this.runMemo(op) && !this.runContainer(op) && !this.runObject(op)) this.stack.push(this.literal(op));
    }
  }

  private charge(operations: number): void {
    this.operations += operations;
    if (this.operations > this.limits.operations)
      throw this.reader.error(`more than ${this.limits.operations} operations`);
  }

  /** Stack and memo upkeep. False where the opcode is of another kind. */
  private runMemo(op: number): boolean {
    const { reader } = this;
    switch (op) {
      case Op.PROTO: {
        const protocol = reader.uint8();
        if (protocol > 5) throw reader.error(`protocol ${protocol}; 0 to 5 are known`);
        return true;
      }
      case Op.FRAME:
        reader.uint64();
        return true;
      case Op.MARK:
        this.marks.push(this.stack.length);
        return true;
      case Op.POP:
        // As in CPython, a POP right above a mark takes the mark.
        if (this.marks.at(-1) === this.stack.length) this.marks.pop();
        else this.pop();
        return true;
      case Op.POP_MARK:
        this.popToMark();
        return true;
      case Op.DUP:
        this.stack.push(this.top());
        return true;
      case Op.PUT:
        this.memo.set(Number(reader.decimal(reader.line())), this.top());
        return true;
      case Op.BINPUT:
        this.memo.set(reader.uint8(), this.top());
        return true;
      case Op.LONG_BINPUT:
        this.memo.set(reader.uint32(), this.top());
        return true;
      case Op.MEMOIZE:
        this.memo.set(this.memo.size, this.top());
        return true;
      case Op.GET:
        this.recall(Number(reader.decimal(reader.line())));
        return true;
      case Op.BINGET:
        this.recall(reader.uint8());
        return true;
      case Op.LONG_BINGET:
        this.recall(reader.uint32());
        return true;
      default:
        return false;
    }
  }

  /** Tuples, lists, dicts and sets. */
  private runContainer(op: number): boolean {
    switch (op) {
      case Op.EMPTY_TUPLE:
      case Op.EMPTY_LIST:
        this.push([], []);
        return true;
      case Op.EMPTY_DICT:
        this.push(new Map(), []);
        return true;
      case Op.EMPTY_SET:
        this.push(new Set(), []);
        return true;
      case Op.TUPLE1:
      case Op.TUPLE2:
      case Op.TUPLE3:
        this.pushList(this.popMany(op - Op.TUPLE1 + 1));
        return true;
      case Op.TUPLE:
      case Op.LIST:
        this.pushList(this.popToMark());
        return true;
      case Op.DICT: {
        const items = this.popToMark();
        this.push(new Map(), []);
        this.setItems(items);
        return true;
      }
      case Op.FROZENSET: {
        const items = this.popToMark();
        this.push(new Set(items), items);
        return true;
      }
      case Op.APPEND:
        this.append([this.pop()]);
        return true;
      case Op.APPENDS:
      case Op.ADDITEMS:
        this.append(this.popToMark());
        return true;
      case Op.SETITEM:
        this.setItems(this.popMany(2));
        return true;
      case Op.SETITEMS:
        this.setItems(this.popToMark());
        return true;
      default:
        return false;
    }
  }

  /** What Python would import, call or look up. */
  private runObject(op: number): boolean {
    const { reader } = this;
    switch (op) {
      case Op.GLOBAL:
        this.stack.push(new PythonName(reader.line(), reader.line()));
        return true;
      case Op.STACK_GLOBAL: {
        const [module, name] = this.popMany(2);
        if (typeof module !== "string" || typeof name !== "string") throw reader.error("a name that is no string");
        this.stack.push(new PythonName(module, name));
        return true;
      }
      case Op.REDUCE:
      case Op.NEWOBJ: {
        const [type, args] = this.popMany(2);
        this.call(type, args);
        return true;
      }
      case Op.NEWOBJ_EX: {
        const [type, args, keywords] = this.popMany(3);
        if (!Array.isArray(args)) throw reader.error("arguments that are no tuple");
        this.call(type, [...(args as unknown[]), keywords]);
        return true;
      }
      case Op.INST: {
        const type = new PythonName(reader.line(), reader.line());
        this.call(type, this.popToMark());
        return true;
      }
      case Op.OBJ: {
        const [type, ...args] = this.popToMark();
        this.call(type, args);
        return true;
      }
      case Op.BUILD:
        this.build(this.pop());
        return true;
      case Op.PERSID:
        this.stack.push(this.options.persistentLoad(reader.line()));
        return true;
      case Op.BINPERSID:
        this.stack.push(this.options.persistentLoad(this.pop()));
        return true;
      default:
        return false;
    }
  }

  private literal(op: number): unknown {
    const { reader } = this;
    switch (op) {
      case Op.NONE:
        return null;
      case Op.NEWTRUE:
        return true;
      case Op.NEWFALSE:
        return false;
      case Op.INT: {
        // Protocol 0 writes False and True as the integers 00 and 01.
        const text = reader.line();
        return text === "00" ? false : text === "01" ? true : reader.decimal(text);
      }
      case Op.LONG:
        return reader.decimal(reader.line().replace(/L$/, ""));
      case Op.BININT:
        return reader.int32();
      case Op.BININT1:
        return reader.uint8();
      case Op.BININT2:
        return reader.uint16();
      case Op.LONG1:
        return reader.integer(reader.uint8());
      case Op.LONG4:
        return reader.integer(reader.int32());
      case Op.FLOAT:
        return float(reader.line());
      case Op.BINFLOAT:
        return reader.float64();
      case Op.STRING:
        return reader.line().replace(/^(['"])(.*)\1$/s, "$2");
      case Op.UNICODE:
        return reader.line().replace(/\\u([\da-f]{4})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
      case Op.BINUNICODE:
      case Op.BINSTRING:
        return reader.text(reader.uint32());
      case Op.SHORT_BINUNICODE:
      case Op.SHORT_BINSTRING:
        return reader.text(reader.uint8());
      case Op.BINUNICODE8:
        return reader.text(reader.uint64());
      case Op.BINBYTES:
        return reader.blob(reader.uint32());
      case Op.SHORT_BINBYTES:
        return reader.blob(reader.uint8());
      case Op.BINBYTES8:
      case Op.BYTEARRAY8:
        return reader.blob(reader.uint64());
      default:
        throw reader.error(`unknown opcode 0x${op.toString(16)}`);
    }
  }

  private call(type: unknown, args: unknown): void {
    if (!Array.isArray(args)) throw this.reader.error("a call whose arguments are no tuple");
    const known = args as readonly unknown[];
    // A constructor may copy a list that the memo keeps; a loop over one long list is a bomb unless each copy counts.
    this.charge(known.length + (Array.isArray(known[0]) ? known[0].length : 0));
    // What an opaque object would return when called is just as opaque.
    const name = type instanceof OpaqueObject ? new PythonName(type.type.module, `${type.type.name}()`) : type;
    if (!(name instanceof PythonName)) throw this.reader.error("a call of what is neither a class nor a function");
    const value =
      constructContainer(name, known) ?? this.options.construct(name, known) ?? new OpaqueObject(name, known);
    this.push(value, known);
  }

  private build(state: unknown): void {
    const target = this.top();
    if (!(typeof target === "object" && target !== null)) throw this.reader.error("state for what is no object");
    // Containers and tensors keep nothing of the attributes that Python would hang on them.
    if (!(target instanceof OpaqueObject)) return;
    target.state = state;
    this.nest(target, [state]);
  }

  private append(items: unknown[]): void {
    const target = this.top();
    if (target instanceof Set) for (const item of items) target.add(item);
    else if (Array.isArray(target)) for (const item of items) target.push(item);
    else if (target instanceof OpaqueObject) for (const item of items) target.items.push(item);
    else throw this.reader.error("items appended to what is no list or set");
    this.nest(target, items);
  }

  private setItems(items: unknown[]): void {
    const target = this.top();
    if (items.length % 2 !== 0) throw this.reader.error("a key without a value");
    for (let i = 0; i < items.length; i += 2)
      if (target instanceof Map) target.set(items[i], items[i + 1]);
      else if (target instanceof OpaqueObject) target.items.push([items[i], items[i + 1]]);
      else throw this.reader.error("items set in what is no dict");
    this.nest(target, items);
  }

  private pushList(items: unknown[]): void {
    this.push(items, items);
  }

  private push(value: unknown, children: readonly unknown[]): void {
    this.stack.push(value);
    this.nest(value, children);
  }

  /** Keeps count of how deep containers nest, so that whoever walks the tree later cannot exhaust the call stack. */
  private nest(parent: unknown, children: readonly unknown[]): void {
    if (typeof parent !== "object" || parent === null) return;
    let depth = this.depths.get(parent) ?? 1;
    for (const child of children)
      if (typeof child === "object" && child !== null) depth = Math.max(depth, 1 + (this.depths.get(child) ?? 0));
    if (depth > this.limits.depth) throw this.reader.error(`containers nested more than ${this.limits.depth} deep`);
    this.depths.set(parent, depth);
  }

  private recall(index: number): void {
    if (!this.memo.has(index)) throw this.reader.error(`memo ${index} was never set`);
    this.stack.push(this.memo.get(index));
  }

  private top(): unknown {
    this.checkHeight(1);
    return this.stack.at(-1);
  }

  private pop(): unknown {
    this.checkHeight(1);
    return this.stack.pop();
  }

  private popMany(count: number): unknown[] {
    this.checkHeight(count);
    return this.stack.splice(this.stack.length - count);
  }

  private popToMark(): unknown[] {
    const height = this.marks.pop();
    if (height === undefined) throw this.reader.error("no mark on its stack");
    return this.stack.splice(height);
  }

  private checkHeight(count: number): void {
    if (this.stack.length - (this.marks.at(-1) ?? 0) < count) throw this.reader.error("too few values on its stack");
  }
}

function float(text: string): number {
  const special = { inf: Infinity, "-inf": -Infinity, nan: NaN }[text];
  return special ?? Number(text);
}
