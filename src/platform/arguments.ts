// Rules for the arguments of calls: callers in JavaScript may pass anything. Each rule returns the value that it accepts.
import { counted } from "./counted.js";
import { Dalle2Error, type Dalle2ErrorOptions } from "./dalle2-error.js";
import type { CodeOf } from "./error-codes.js";
import { excerpt } from "./printable.js";

/** An argument with a value that makes no sense: not a number, infinite, out of range. The message begins with its name. */
export class ArgumentError extends Dalle2Error {
  static override readonly code = "argument/invalid";
  override readonly name = "ArgumentError";

  static {
    this.register(this);
  }

  /** `argument` is the name of the option, or of the first of several. */
  constructor(
    argument: string,
    message: string,
    {
      code,
      ...options
    }: Omit<Dalle2ErrorOptions, "code" | "place"> & { readonly code?: CodeOf<"ArgumentError"> | undefined } = {},
  ) {
    super(message, { ...options, code, place: { argument } });
  }
}

/** A rule for one argument: returns the value, or throws `ArgumentError`. */
export type ArgumentRule<T = number> = (name: string, value: unknown) => T;

/** A finite number, such as a guidance scale. */
export const finiteNumber: ArgumentRule = (name, value) => {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  return refuse(name, "a finite number", value);
};

/** A number from 0 to 1. */
export const fraction: ArgumentRule = (name, value) => {
  if (typeof value === "number" && value >= 0 && value <= 1) return value;
  return refuse(name, "0 to 1", value);
};

/** A whole number of at least `least`. */
export function wholeNumber(least: number): ArgumentRule {
  return (name, value) => {
    if (Number.isSafeInteger(value) && (value as number) >= least) return value as number;
    return refuse(name, `a whole number of at least ${least}`, value);
  };
}

/** A whole number of at least 1. */
export const count = wholeNumber(1);

/** A whole number from 0 to 2^53 - 1. Larger ones are not exact as numbers. */
export const exactWholeNumber: ArgumentRule = (name, value) => {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  return refuse(name, "a whole number from 0 to 2^53 - 1", value);
};

/** A number of bytes. Infinity means no limit. */
export const byteLimit: ArgumentRule = (name, value) => {
  if (typeof value === "number" && value >= 0) return value;
  return refuse(name, "a number of bytes of at least 0, or Infinity for no limit", value);
};

/** A time in milliseconds. Infinity means no limit. */
export const timeLimit: ArgumentRule = (name, value) => {
  if (typeof value === "number" && value > 0) return value;
  return refuse(name, "a number of milliseconds above 0, or Infinity for no limit", value);
};

/** A string. */
export const text: ArgumentRule<string> = (name, value) =>
  typeof value === "string" ? value : refuse(name, "a string", value);

/** One of some names. */
export function oneOf<Name extends string>(...names: readonly Name[]): ArgumentRule<Name> {
  const expected = names.map((one) => JSON.stringify(one)).join(" or ");
  return (name, value) => names.find((one) => one === value) ?? refuse(name, expected, value);
}

/** Finite numbers, such as those of an embedding. */
export const finiteNumbers: ArgumentRule<ArrayLike<number>> = (name, value) => {
  const numbers = value as ArrayLike<number>;
  for (let i = 0; i < numbers.length; i++) {
    if (!Number.isFinite(numbers[i])) finiteNumber(`${name}[${i}]`, numbers[i]);
  }
  return numbers;
};

/** One value, or a list of them, such as one for each U-Net. */
export function oneOrEach<T>(rule: ArgumentRule<T>): ArgumentRule<T | readonly T[]> {
  return (name, value) => (Array.isArray(value) ? list(rule)(name, value) : rule(name, value));
}

/** A list. */
export function list<T>(rule: ArgumentRule<T>): ArgumentRule<readonly T[]> {
  return (name, value) => {
    if (!Array.isArray(value)) return refuse(name, "a list", value);
    return value.map((one: unknown, i) => rule(`${name}[${i}]`, one));
  };
}

/** A list that is not empty. */
export function filledList<T>(rule: ArgumentRule<T>): ArgumentRule<readonly T[]> {
  return (name, value) => {
    if (Array.isArray(value) && value.length === 0) return refuse(name, "a list that is not empty", value);
    return list(rule)(name, value);
  };
}

/** Accepts any value: for lists of which only the length is checked. */
export const anything: ArgumentRule<unknown> = (_, value) => value;

/** Throws if `values` does not have `count` elements, one for each input. Returns `values`. */
export function checkLength<List extends ArrayLike<unknown>>(name: string, values: List, count: number): List {
  if (values.length === count) return values;
  throw new ArgumentError(name, `${name} has ${counted(values.length, "value")} for ${counted(count, "input")}.`, {
    code: "argument/mismatch",
  });
}

/** Throws if more than one of these options is given. */
export function atMostOne(given: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(given).filter((name) => given[name] !== undefined);
  if (names.length < 2) return;
  throw new ArgumentError(names[0]!, `Give only one of ${names.join(" and ")}.`, { code: "argument/conflict" });
}

/** Throws if some of these options are given, but not all. */
export function allOrNone(given: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(given);
  const absent = names.filter((name) => given[name] === undefined);
  if (absent.length === 0 || absent.length === names.length) return;
  throw new ArgumentError(absent[0]!, `${names.join(" and ")} go together; ${absent.join(" and ")} is missing.`, {
    code: "argument/missing",
  });
}

/** Accepts null too, which means the default. */
export function orNull<T>(rule: ArgumentRule<T>): ArgumentRule<T | null> {
  return (name, value) => (value === null ? null : rule(name, value));
}

/** Checks the arguments that are given, each by the rule with its name. */
export function checkArguments<Rules extends Readonly<Record<string, ArgumentRule<unknown>>>>(
  rules: Rules,
  given: { readonly [Name in keyof Rules]?: unknown },
): void {
  for (const [name, rule] of Object.entries(rules)) {
    const value = given[name];
    if (value !== undefined) rule(name, value);
  }
}

/** Longest value that a message quotes, in characters. */
const SHOWN = 40;

function refuse(name: string, expected: string, value: unknown): never {
  throw new ArgumentError(name, `${name} must be ${expected}, not ${shown(value)}.`);
}

function shown(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" || value === null) {
    return String(value);
  }
  if (typeof value !== "string")
    return Array.isArray(value) ? (value.length === 0 ? "an empty list" : "a list") : `of type ${typeof value}`;
  return JSON.stringify(excerpt(value, SHOWN));
}
