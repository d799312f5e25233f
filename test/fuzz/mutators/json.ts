import type { Random } from "../random.js";
import { KNOWN_NAMES, NASTY_NAMES } from "./words.js";

/** JSON as a tree that can also have what JSON.parse cannot return: duplicate keys, numbers of any size. */
export type Json = null | boolean | number | string | Literal | Json[] | JsonObject;

/** A text that is printed unchanged. */
export class Literal {
  constructor(readonly text: string) {}
}

export class JsonObject {
  constructor(readonly entries: [key: string, value: Json][]) {}
}

export function parseJson(text: string): Json {
  return fromPlain(JSON.parse(text));
}

export function fromPlain(value: unknown): Json {
  if (Array.isArray(value)) return value.map(fromPlain);
  if (typeof value !== "object" || value === null) return value as Json;
  return new JsonObject(Object.entries(value).map(([key, item]) => [key, fromPlain(item)]));
}

export function printJson(value: Json): string {
  if (value instanceof Literal) return value.text;
  if (Array.isArray(value)) return `[${value.map(printJson).join(",")}]`;
  if (!(value instanceof JsonObject)) return JSON.stringify(value);
  return `{${value.entries.map(([key, item]) => `${JSON.stringify(key)}:${printJson(item)}`).join(",")}}`;
}

const NUMBERS = [
  0,
  -0,
  -1,
  1,
  2,
  3,
  0.5,
  1.5,
  -1e-9,
  64,
  255,
  1e6,
  2 ** 31,
  2 ** 32,
  2 ** 53 - 1,
  2 ** 53,
  1e21,
  1e308,
];
const LITERALS = [
  "1e999",
  "-1e999",
  "1" + "0".repeat(400),
  "0.1e-400",
  "-0",
  '"\\ud800"',
  '"\\u0000"',
  "9007199254740993",
];
const SIZES = [
  [0],
  [1, 2],
  [-1],
  [0.5],
  [1e15, 1e15, 1e15],
  Array(70).fill(1),
  Array(30).fill(2 ** 53 - 1),
] as number[][];

/** Any value, usually small. */
export function randomJson(random: Random, depth = 3): Json {
  switch (random.below(depth > 0 ? 10 : 7)) {
    case 0:
      return random.pick([null, true, false]);
    case 1:
      return random.pick(NUMBERS);
    case 2:
      return random.below(20) - 2;
    case 3:
      return random.pick(NASTY_NAMES);
    case 4:
      return random.pick(KNOWN_NAMES);
    case 5:
      return new Literal(random.pick(LITERALS));
    case 6:
      return [...random.pick(SIZES)];
    case 7:
      return random.list(random.below(4), () => randomJson(random, depth - 1));
    case 8:
      return nested(random, randomJson(random, 0), random.length(60));
    default:
      return new JsonObject(random.list(random.below(4), () => [randomName(random), randomJson(random, depth - 1)]));
  }
}

export function randomName(random: Random): string {
  return random.pick(random.chance(0.6) ? KNOWN_NAMES : NASTY_NAMES);
}

function nested(random: Random, value: Json, depth: number): Json {
  let outer = value;
  for (let i = 0; i < depth; i++) outer = random.chance(0.5) ? [outer] : new JsonObject([["x", outer]]);
  return outer;
}

/** The position of a value. */
interface Place {
  readonly parent: Json[] | JsonObject;
  readonly index: number;
}

/** A copy of a value with a few faults. */
export function mutateJson(value: Json, random: Random): Json {
  const root: Json[] = [copy(value)];
  for (let left = 1 + random.length(2); left > 0; left--) {
    const places: Place[] = [];
    collectPlaces(root, places);
    mutateAt(random.pick(places), places, root, random);
  }
  return root[0]!;
}

function mutateAt(place: Place, places: readonly Place[], root: Json[], random: Random): void {
  const { parent, index } = place;
  const value = get(place);
  const isRoot = parent === root;
  switch (random.below(9)) {
    case 0:
    case 1: {
      set(place, randomJson(random));
      return;
    }
    case 2:
      if (!isRoot) (parent instanceof JsonObject ? parent.entries : parent).splice(index, 1);
      return;
    case 3:
      // Add a second one beside it, under the same key or another.
      if (isRoot) return;
      if (!(parent instanceof JsonObject)) parent.splice(index, 0, copy(value));
      else parent.entries.push([random.chance(0.3) ? parent.entries[index]![0] : randomName(random), copy(value)]);
      return;
    case 4: {
      set(place, copy(get(random.pick(places))));
      return;
    }
    case 5:
      if (typeof value === "number") set(place, otherNumber(value, random));
      return;
    case 6:
      if (typeof value === "string") set(place, otherText(value, random));
      return;
    case 7: {
      set(place, nested(random, value, random.length(80)));
      return;
    }
    default:
      if (parent instanceof JsonObject) parent.entries[index]![0] = otherText(parent.entries[index]![0], random);
  }
}

function otherNumber(value: number, random: Random): number {
  return random.pick([value + 1, value - 1, -value, value * 2, value / 3, value * 1e10, value * 1e300]);
}

const INSERTED = ["", "\0", "\n", "../", "\ud800", "é", "%", "?", "#", "@", "\\", " ", "\x1b[2J", "\u202e", ".", "/"];

function otherText(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  return text.slice(0, at) + random.pick(INSERTED) + text.slice(at + random.below(2));
}

/** The positions in a tree, except those so deep that they test only recursion. */
function collectPlaces(value: Json, places: Place[], depth = 0): void {
  if (depth > 40 || !(Array.isArray(value) || value instanceof JsonObject)) return;
  const count = value instanceof JsonObject ? value.entries.length : value.length;
  for (let index = 0; index < count; index++) {
    const place = { parent: value, index };
    places.push(place);
    collectPlaces(get(place), places, depth + 1);
  }
}

function get({ parent, index }: Place): Json {
  return parent instanceof JsonObject ? parent.entries[index]![1] : parent[index]!;
}

function set({ parent, index }: Place, value: Json): void {
  if (parent instanceof JsonObject) parent.entries[index]![1] = value;
  else parent[index] = value;
}

function copy(value: Json): Json {
  if (Array.isArray(value)) return value.map(copy);
  return value instanceof JsonObject ? new JsonObject(value.entries.map(([key, item]) => [key, copy(item)])) : value;
}

const TOKENS = [
  ...["{", "}", "[", "]", ",", ":", '"', "\\", "\0", "NaN", "1e999", "-", "\u2028", "\ufeff", "//", "\\u12"],
  ...['"a":1,', '"__proto__":{"polluted":1},', '"model":', "[[[[[[[[", '{"a":{"a":{"a":'],
];

/** JSON text with a fault, as in a damaged file, or nested far deeper than any real file. */
export function mutateJsonText(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
    case 2:
      return text.slice(0, at) + random.pick(TOKENS) + text.slice(at + random.below(3));
    case 3:
      return text + text.slice(at);
    case 4: {
      const other = random.below(text.length + 1);
      return text.slice(0, Math.min(at, other)) + text.slice(Math.max(at, other));
    }
    default:
      return deepJson(text, random);
  }
}

/** Replaces a value by nested brackets, at most a hundred thousand levels. */
function deepJson(text: string, random: Random): string {
  const depth = random.length(random.chance(0.02) ? 100_000 : 2000);
  const [open, close] = random.pick([
    ["[", "]"],
    ['{"x":', "}"],
  ] as const);
  const tower = open.repeat(depth) + "1" + close.repeat(random.chance(0.8) ? depth : 0);
  const values = [...text.matchAll(/(?<=[:[,])\s*(?:"[^"]*"|[\d.]+|true|false|null)/g)];
  const value = random.chance(0.9) && values.length > 0 ? random.pick(values) : undefined;
  return value ? text.slice(0, value.index) + tower + text.slice(value.index + value[0].length) : tower;
}
