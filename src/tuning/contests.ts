import type { TuningTable } from "../gpu/tuning.js";
import { attention } from "./attention.js";
import { convCase, linearCase, type RuleClass, type TuningCases } from "./cases.js";
import { products } from "./products.js";
import { groupNorm } from "./group-norm.js";
import { namedTable } from "./table.js";
import { winograd } from "./winograd.js";

/** Tables that compete: they differ in one decision. */
export interface Contest {
  /** The operations, for people. */
  readonly name: string;
  /** The entry of the table that is decided. */
  readonly key: Exclude<keyof TuningTable, "id">;
  readonly cases: TuningCases;
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  /** What it decides: "broadcast, ownRows 4". */
  readonly name: string;
  /** Whether it is only measured on GPUs. */
  readonly isForGpus?: boolean;
  /** Returns a table with this decision. Its `id` is that of the table before. */
  readonly decide: (table: TuningTable) => TuningTable;
}

/** Entries of a table that are lists of rules. */
type Lists = {
  readonly [
    Key in keyof TuningTable as TuningTable[Key] extends readonly object[] | undefined ? Key : never
  ]-?: NonNullable<TuningTable[Key]> extends readonly (infer Rule)[] ? Rule : never;
};
type ListKey = keyof Lists;

/** Entries that are true or false. */
type SwitchKey = Exclude<keyof TuningTable, ListKey | "id">;

/** The lists of rules in a table, in the order in which they are decided. A new list has its entry here. */
const LISTS: { readonly [Key in ListKey]: RuleClass<Lists[Key]> } = { products, winograd, attention, groupNorm };
const LIST_KEYS = Object.keys(LISTS) as ListKey[];

/** The same for switches. */
const SWITCHES: Readonly<Required<Record<SwitchKey, { readonly name: string; readonly cases: TuningCases }>>> = {
  keepsHalfWeights: {
    name: "weights in f16 beside activations in f32",
    cases: {
      software: [convCase(2, 16, 64, 64), linearCase(96, 256, 256)],
      gpu: [convCase(2, 8, 1280, 1280), linearCase(154, 1024, 2048)],
    },
  },
};
const SWITCH_KEYS = Object.keys(SWITCHES) as SwitchKey[];

/** All decisions of a table, in the order in which they are made. */
export const contests: readonly Contest[] = [
  ...LIST_KEYS.flatMap((key) => listContests(key, LISTS[key])),
  ...SWITCH_KEYS.map((key) => switchContest(key)),
];

/** One contest for each range. Each decides the rule after those of the ranges before it. */
function listContests(key: ListKey, { rules, gpuRules = [], ranges }: RuleClass<object>): Contest[] {
  return ranges.map(({ name, when, cases }, index) => ({
    name,
    key,
    cases,
    candidates: [...rules, ...gpuRules].map((rule, i) => ({
      name: describeRule(rule),
      isForGpus: i >= rules.length,
      decide: (table) => {
        const decided = index === 0 ? [] : rulesIn(table, key);
        return withRules(table, key, rule ? [...decided, { ...rule, ...when }] : decided);
      },
    })),
  }));
}

function switchContest(key: SwitchKey): Contest {
  const candidates = [false, true].map((value) => ({
    name: describeSwitch(value),
    decide: (table: TuningTable) => withSwitch(table, key, value),
  }));
  return { ...SWITCHES[key], key, candidates };
}

function withRules(table: TuningTable, key: ListKey, rules: readonly object[]): TuningTable {
  return { ...table, ...Object.fromEntries([[key, rules]]) };
}

function rulesIn(table: Partial<TuningTable>, key: ListKey): readonly object[] {
  return table[key] ?? [];
}

function withSwitch(table: TuningTable, key: SwitchKey, value: boolean): TuningTable {
  return { ...table, [key]: value };
}

function describeSwitch(value: boolean): string {
  return value ? "on" : "off";
}

/** Formats a rule: its kernel, then its numbers. */
function describeRule(rule: object | undefined): string {
  if (!rule) return "none";
  return Object.entries(rule)
    .map(([name, value]) => (typeof value === "string" ? value : `${name} ${String(value)}`))
    .join(", ");
}

/** A table that uses one kernel of each class for all operations, whatever is fastest. */
export interface ForcedTable {
  /** What it is called, for people: "products: direct". */
  readonly name: string;
  readonly table: TuningTable;
}

/** What a forced table has in one of its lists. */
interface ForcedRules {
  readonly name: string;
  readonly rules: readonly object[];
}

/**
 * Every kernel of a class. The rules of one for GPUs differ in their tiles: they are together, and the first that a device has room
 * for is used.
 */
function everyKernel({ rules, gpuRules = [] }: RuleClass<object>): ForcedRules[] {
  const kernelsForGpus = new Map<string, object[]>();
  for (const rule of gpuRules) {
    const kernel = "kernel" in rule ? String(rule.kernel) : "";
    kernelsForGpus.set(kernel, [...(kernelsForGpus.get(kernel) ?? []), rule]);
  }
  return [
    ...rules.map((rule) => ({ name: describeRule(rule), rules: rule ? [rule] : [] })),
    ...Array.from(kernelsForGpus, ([name, ofKernel]) => ({ name, rules: ofKernel })),
  ];
}

/** Tables that together use every kernel of every class, and each switch on and off. */
export function forcedTables(base: TuningTable): ForcedTable[] {
  const choices = Math.max(2, ...LIST_KEYS.map((key) => everyKernel(LISTS[key]).length));
  return Array.from({ length: choices }, (_, index) => {
    const names: string[] = [];
    let table = base;
    for (const key of LIST_KEYS) {
      const kernels = everyKernel(LISTS[key]);
      const { name, rules } = kernels[index % kernels.length]!;
      table = withRules(table, key, rules);
      names.push(`${key}: ${name}`);
    }
    for (const key of SWITCH_KEYS) {
      table = withSwitch(table, key, index % 2 === 1);
      names.push(`${key}: ${describeSwitch(index % 2 === 1)}`);
    }
    return { name: names.join("; "), table: namedTable(table) };
  });
}

/** Removes rules whose operations would use the same kernel without them. */
export function simplified(table: TuningTable): TuningTable {
  return LIST_KEYS.reduce((simple, key) => withRules(simple, key, withoutRepeats(rulesIn(table, key))), table);
}

function withoutRepeats(rules: readonly object[]): readonly object[] {
  return rules.filter((rule, i) => {
    const next = rules[i + 1];
    return next === undefined || kernelOf(rule) !== kernelOf(next) || !isWider(next, rule);
  });
}

const isCondition = (name: string): boolean => /^m(in|ax)[A-Z]/.test(name);

/** What a rule says beside its conditions. */
function kernelOf(rule: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(rule).filter(([name]) => !isCondition(name))));
}

/** Whether all operations that fit `rule` also fit `next`. */
function isWider(next: object, rule: object): boolean {
  const limits = new Map<string, unknown>(Object.entries(rule));
  return Object.entries(next)
    .filter(([name]) => isCondition(name))
    .every(([name, value]) => {
      const least = name.startsWith("min");
      const limit = Number(limits.get(name) ?? (least ? 0 : Infinity));
      return least ? Number(value) <= limit : Number(value) >= limit;
    });
}
