// Arguments of calls, whoever makes them: JavaScript passes anything. One rule for each kind; each gives what it was given.
import { counted } from "./counted.js";
import { Dalle2Error, type Dalle2ErrorOptions } from "./dalle2-error.js";
import type { CodeOf } from "./error-codes.js";
import { excerpt } from "./printable.js";

/** An argument that cannot be meant: not a number, infinite, out of range. The message begins with its name. */
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

/** A rule: throws `ArgumentError` for what breaks it. */
export type ArgumentRule<T = number> = (name: string, value: unknown) => T;

/** Any number that is neither infinite nor NaN: guidance, say. */
export const finiteNumber: ArgumentRule = (name, value) => {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  return refuse(name, "a finite number", value);
};

/** From 0 to 1. */
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

/** How many of something. */
export const count = wholeNumber(1);

/** From 0 to 2^53 - 1: larger ones lose digits as numbers. */
export const exactWholeNumber: ArgumentRule = (name, value) => {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  return refuse(name, "a whole number from 0 to 2^53 - 1", value);
};

/** Bytes of memory; Infinity stands for no limit. */
export const byteLimit: ArgumentRule = (name, value) => {
  if (typeof value === "number" && value >= 0) return value;
  return refuse(name, "a number of bytes of at least 0, or Infinity for no limit", value);
};

/** A text. */
export const text: ArgumentRule<string> = (name, value) =>
  typeof value === "string" ? value : refuse(name, "a text", value);

/** One of some names. */
export function oneOf<Name extends string>(...names: readonly Name[]): ArgumentRule<Name> {
  const expected = names.map((one) => JSON.stringify(one)).join(" or ");
  return (name, value) => names.find((one) => one === value) ?? refuse(name, expected, value);
}

/** Numbers none of which is infinite or NaN, as an embedding has. */
export const finiteNumbers: ArgumentRule<ArrayLike<number>> = (name, value) => {
  const numbers = value as ArrayLike<number>;
  for (let i = 0; i < numbers.length; i++) {
    if (!Number.isFinite(numbers[i])) finiteNumber(`${name}[${i}]`, numbers[i]);
  }
  return numbers;
};

/** One value, or a list of them: one for each U-Net, say. */
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

/** A list that holds something. */
export function filledList<T>(rule: ArgumentRule<T>): ArgumentRule<readonly T[]> {
  return (name, value) => {
    if (Array.isArray(value) && value.length === 0) return refuse(name, "a list that is not empty", value);
    return list(rule)(name, value);
  };
}

/** Anything: for the elements of a list whose number alone is checked. */
export const anything: ArgumentRule<unknown> = (_, value) => value;

/** A list with so many values: one for each of the inputs. Gives it back. */
export function checkLength<List extends ArrayLike<unknown>>(name: string, values: List, count: number): List {
  if (values.length === count) return values;
  throw new ArgumentError(name, `${name} has ${counted(values.length, "value")} for ${counted(count, "input")}.`, {
    code: "argument/mismatch",
  });
}

/** Throws where more than one of some options is given. */
export function atMostOne(given: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(given).filter((name) => given[name] !== undefined);
  if (names.length < 2) return;
  throw new ArgumentError(names[0]!, `Give one of ${names.join(" and ")}, not both.`, { code: "argument/conflict" });
}

/** Throws where some of the options are given, but not all. */
export function allOrNone(given: Readonly<Record<string, unknown>>): void {
  const names = Object.keys(given);
  const absent = names.filter((name) => given[name] === undefined);
  if (absent.length === 0 || absent.length === names.length) return;
  throw new ArgumentError(absent[0]!, `${names.join(" and ")} go together; ${absent.join(" and ")} is missing.`, {
    code: "argument/missing",
  });
}

/** Also null, which stands for a default. */
export function orNull<T>(rule: ArgumentRule<T>): ArgumentRule<T | null> {
  return (name, value) => (value === null ? null : rule(name, value));
}

/** Checks those of the arguments that are given, each by the rule of its name. */
export function checkArguments<Rules extends Readonly<Record<string, ArgumentRule<unknown>>>>(
  rules: Rules,
  given: { readonly [Name in keyof Rules]?: unknown },
): void {
  for (const [name, rule] of Object.entries(rules)) {
    const value = given[name];
    if (value !== undefined) rule(name, value);
  }
}

/** Longest text of a value in a message. */
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
