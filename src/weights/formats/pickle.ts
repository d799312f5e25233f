// Reads Python's pickle, protocols 0 to 5, as data. A pickle is a program for a stack machine whose opcodes may import any
// name and call it; this machine imports and calls nothing. Names become PythonName. Calls become the result of the caller's
// `construct`, or an OpaqueObject that records them. Values may be nested to any depth and may share parts: code that walks
// them must use loops and spend from the budget.
import type { Budget } from "./budget.js";
import { callPython, resolveCall, type Call } from "./pickle-calls.js";
import { readLiteral } from "./pickle-literals.js";
import { Op } from "./pickle-opcodes.js";
import { Memo } from "./pickle-memo.js";
import { PickleReader } from "./pickle-reader.js";
import { OpaqueObject, PythonName, Stateful } from "./pickle-values.js";

/** How to convert names and references into values. */
export interface UnpickleOptions {
  /** The file's name, for messages. */
  readonly source: string;
  /** The cost that reading may have. */
  readonly budget: Budget;
  /** The value of a call `type(*args)`, or undefined to record it as an OpaqueObject. */
  readonly construct: (call: Call) => unknown;
  /** The value for a persistent id. */
  readonly persistentLoad: (id: unknown) => unknown;
}

/**
 * Reads one pickled object: None is null, int is number or bigint, bytes is Uint8Array, list and tuple are arrays, dict is
 * Map, set is Set. Throws FormatError if the pickle is damaged, over the budget or invalid.
 */
export function unpickle(bytes: Uint8Array, options: UnpickleOptions): unknown {
  return unpickleAt(bytes, 0, options).value;
}

/**
 * Reads a pickle that starts at byte `start` and returns the position after it, because files may have several in a row.
 * Throws TruncatedError if the bytes end first.
 */
export function unpickleAt(
  bytes: Uint8Array,
  start: number,
  options: UnpickleOptions,
): { value: unknown; end: number } {
  const reader = new PickleReader(bytes, options.source, start);
  return { value: new Machine(reader, options).run(), end: reader.offset };
}

/** Words of memory for an object, and for each item in it. */
const LIST_WORDS = 6;
const SET_WORDS = 20;
const DICT_WORDS = 24;
const OBJECT_WORDS = 24;
const LITERAL_WORDS = 3;
const BYTES_WORDS = 32;
const NAME_WORDS = 8;
const STACK_WORDS = 3;
const LIST_ITEM_WORDS = 3;
const SET_ITEM_WORDS = 7;
const DICT_ITEM_WORDS = 7;
const MEMO_WORDS = 1;

/** Python has only one empty tuple too. Nothing can be added to a tuple. */
const EMPTY_TUPLE: readonly unknown[] = Object.freeze([]);

class Machine {
  private readonly stack: unknown[] = [];
  /** Heights of the stack at each MARK. */
  private readonly marks: number[] = [];
  private readonly memo = new Memo();
  /** Largest size of the stack so far, values and marks. */
  private highest = 0;
  private readonly budget: Budget;

  constructor(
    private readonly reader: PickleReader,
    private readonly options: UnpickleOptions,
  ) {
    this.budget = options.budget;
  }

  run(): unknown {
    const { budget, reader } = this;
    for (;;) {
      budget.spend(1);
      this.countStack();
      const op = reader.uint8();
      if (op === Op.STOP) return this.pop();
      if (this.runMemo(op) || this.runContainer(op) || this.runObject(op)) continue;
      const start = reader.offset;
      const value = readLiteral(op, reader);
      // Numbers are counted in their containers.
      if (typeof value !== "number")
        budget.hold((value instanceof Uint8Array ? BYTES_WORDS : LITERAL_WORDS) + ((reader.offset - start) >> 3));
      this.stack.push(value);
    }
  }

  /** Counts the memory of the stack when it becomes larger than before. */
  private countStack(): void {
    const height = this.stack.length + this.marks.length;
    if (height <= this.highest) return;
    this.budget.hold(STACK_WORDS * (height - this.highest));
    this.highest = height;
  }

  /** Runs opcodes for the stack and the memo. False for other opcodes. */
  private runMemo(op: number): boolean {
    const { reader } = this;
    switch (op) {
      case Op.PROTO: {
        const protocol = reader.uint8();
        if (protocol > 5) throw reader.error(`protocol ${protocol}; only 0 to 5 are supported`);
        return true;
      }
      case Op.FRAME:
        reader.uint64();
        return true;
      case Op.MARK:
        this.marks.push(this.stack.length);
        return true;
      case Op.POP:
        // As in CPython, POP directly after a mark removes the mark.
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
        this.memoize(reader.decimal(reader.line()));
        return true;
      case Op.BINPUT:
        this.memoize(reader.uint8());
        return true;
      case Op.LONG_BINPUT:
        this.memoize(reader.uint32());
        return true;
      case Op.MEMOIZE:
        this.memoize(this.memo.size);
        return true;
      case Op.GET:
        this.recall(reader.decimal(reader.line()));
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

  /** Runs opcodes for tuples, lists, dicts and sets. */
  private runContainer(op: number): boolean {
    switch (op) {
      case Op.EMPTY_TUPLE:
        this.stack.push(EMPTY_TUPLE);
        return true;
      case Op.EMPTY_LIST:
        this.pushList([]);
        return true;
      case Op.EMPTY_DICT:
        this.pushDict();
        return true;
      case Op.EMPTY_SET:
        this.pushSet([]);
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
        this.pushDict();
        this.setItems(items);
        return true;
      }
      case Op.FROZENSET:
        this.pushSet(this.popToMark());
        return true;
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

  /** Runs opcodes for what Python would import, call or look up. */
  private runObject(op: number): boolean {
    const { reader } = this;
    switch (op) {
      case Op.GLOBAL:
        this.stack.push(this.name(reader.nameLine(), reader.nameLine()));
        return true;
      case Op.STACK_GLOBAL: {
        const [module, name] = this.popMany(2);
        if (typeof module !== "string" || typeof name !== "string") throw reader.error("a name that is not a string");
        this.stack.push(this.name(module, name));
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
        if (!Array.isArray(args)) throw reader.error("arguments that are not a tuple");
        this.budget.spend(args.length);
        this.call(type, [...(args as unknown[]), keywords]);
        return true;
      }
      case Op.INST: {
        const type = this.name(reader.nameLine(), reader.nameLine());
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
        this.load(reader.line());
        return true;
      case Op.BINPERSID:
        this.load(this.pop());
        return true;
      default:
        return false;
    }
  }

  private name(module: string, name: string): PythonName {
    this.budget.hold(NAME_WORDS);
    return new PythonName(module, name);
  }

  private load(id: unknown): void {
    this.budget.hold(OBJECT_WORDS);
    this.stack.push(this.options.persistentLoad(id));
  }

  private call(callee: unknown, args: unknown): void {
    if (!Array.isArray(args)) throw this.reader.error("a call whose arguments are not a tuple");
    const call = resolveCall(callee, args as readonly unknown[], this.budget);
    if (!call) throw this.reader.error("a call of a value that is neither a class nor a function");
    this.budget.hold(OBJECT_WORDS);
    this.stack.push(
      callPython(call, this.budget) ?? this.options.construct(call) ?? new OpaqueObject(call.type, call.args),
    );
  }

  private build(state: unknown): void {
    const target = this.top();
    if (!(typeof target === "object" && target !== null))
      throw this.reader.error("state for a value that is not an object");
    // Attributes of Python's own containers are dropped.
    if (target instanceof Stateful) target.setState(state);
  }

  private append(items: unknown[]): void {
    const target = this.top();
    this.budget.hold((target instanceof Set ? SET_ITEM_WORDS : LIST_ITEM_WORDS) * items.length);
    if (target instanceof Set) for (const item of items) target.add(item);
    else if (Array.isArray(target) && target !== EMPTY_TUPLE) for (const item of items) target.push(item);
    else if (target instanceof OpaqueObject) for (const item of items) target.items.push(item);
    else throw this.reader.error("items appended to a value that is not a list or set");
  }

  private setItems(items: unknown[]): void {
    const target = this.top();
    if (items.length % 2 !== 0) throw this.reader.error("a key without a value");
    this.budget.hold((DICT_ITEM_WORDS / 2) * items.length);
    for (let i = 0; i < items.length; i += 2)
      if (target instanceof Map) target.set(items[i], items[i + 1]);
      else if (target instanceof OpaqueObject) target.items.push([items[i], items[i + 1]]);
      else throw this.reader.error("items set in a value that is not a dict");
  }

  private pushList(items: readonly unknown[]): void {
    this.budget.hold(LIST_WORDS + LIST_ITEM_WORDS * items.length);
    this.stack.push(items);
  }

  private pushDict(): void {
    this.budget.hold(DICT_WORDS);
    this.stack.push(new Map());
  }

  private pushSet(items: readonly unknown[]): void {
    this.budget.hold(SET_WORDS + SET_ITEM_WORDS * items.length);
    this.stack.push(new Set(items));
  }

  private memoize(index: number | bigint | undefined): void {
    this.budget.hold(MEMO_WORDS);
    if (!this.memo.set(Number(index), this.top())) throw this.reader.error("a memo entry with an invalid number");
  }

  private recall(index: number | bigint | undefined): void {
    if (!this.memo.has(Number(index))) throw this.reader.error(`memo entry ${Number(index)} was never set`);
    this.stack.push(this.memo.get(Number(index)));
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
