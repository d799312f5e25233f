import { ArgumentError } from "../platform/arguments.js";
import { isPlainObject, type PlainObject } from "../platform/objects.js";
import type { Slot } from "./protocol.js";

/** The arguments of a call, and their functions and signals, which are not cloned. */
export interface SplitArguments {
  readonly args: readonly unknown[];
  readonly callbacks: readonly SplitOption<AnyFunction>[];
  readonly signals: readonly SplitOption<AbortSignal>[];
}

/** Any function. */
export type AnyFunction = (...args: readonly unknown[]) => unknown;

/** An option that was taken out of the arguments. */
export interface SplitOption<Value> {
  readonly slot: Slot;
  readonly value: Value;
}

/**
 * Takes functions and signals out of the options of a call. `nextId` numbers them. Options with functions also get the signal
 * `stop`, which ends the call if one of them throws.
 */
export function splitArguments(args: readonly unknown[], nextId: () => number, stop: AbortSignal): SplitArguments {
  const callbacks: SplitOption<AnyFunction>[] = [];
  const signals: SplitOption<AbortSignal>[] = [];
  const plain = args.map((argument, index) => {
    if (!isPlainObject(argument)) return argument;
    const kept = Object.entries(stoppable(argument, stop)).filter(([key, value]) => {
      const slot = { argument: index, key, id: nextId() };
      if (isFunction(value)) callbacks.push({ slot, value });
      else if (value instanceof AbortSignal) signals.push({ slot, value });
      else return true;
      return false;
    });
    return Object.fromEntries(kept);
  });
  return { args: plain, callbacks, signals };
}

function stoppable(options: PlainObject, stop: AbortSignal): PlainObject {
  if (!Object.values(options).some(isFunction)) return options;
  const { signal } = options;
  return { ...options, signal: signal instanceof AbortSignal ? AbortSignal.any([signal, stop]) : stop };
}

function isFunction(value: unknown): value is AnyFunction {
  return typeof value === "function";
}

/** The error for arguments that the browser cannot clone. */
export function notCloneable(method: string, cause: unknown): ArgumentError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ArgumentError("options", `An argument of ${method} cannot be passed to a worker: ${reason}`, {
    cause,
    advice: "pass plain data, files and blobs",
  });
}
