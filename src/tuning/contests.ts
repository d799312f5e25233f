import type { TuningTable } from "../gpu/tuning.js";
import type { TuningCases, RuleClass } from "./cases.js";
import { products } from "./products.js";
import { namedTable } from "./table.js";

/** Tables that compete: they differ in one decision. */
export interface Contest {
  readonly name: string;
  readonly cases: TuningCases;
  readonly candidates: readonly Candidate[];
}

export interface Candidate {
  /** What it decides: "broadcast, ownRows 4". */
  readonly name: string;
  /** Returns a table with this decision. Its `id` is that of the table before. */
  readonly decide: (table: TuningTable) => TuningTable;
}

type RuleOf<List> = List extends readonly (infer Rule)[] ? Rule : never;
/** Keys of a table that hold rules. */
type RuleKey = {
  [Key in keyof TuningTable]-?: TuningTable[Key] extends readonly object[] ? Key : never;
}[keyof TuningTable];

/** The kinds of rules in a table. A new kind has its entry here. */
const CLASSES: { readonly [Key in RuleKey]: RuleClass<RuleOf<TuningTable[Key]>> } = { products };
const KEYS = Object.keys(CLASSES) as RuleKey[];

/** All decisions of a table, in the order in which they are made. */
export const contests: readonly Contest[] = KEYS.flatMap((key) => contestsFor(key, CLASSES[key]));

/** One contest for each range. Each decides the rule after those of the ranges before it. */
function contestsFor(key: RuleKey, { rules, ranges }: RuleClass<object>): Contest[] {
  return ranges.map(({ name, when, cases }, index) => ({
    name,
    cases,
    candidates: rules.map((rule) => ({
      name: describeRule(rule),
      decide: (table) => withRules(table, key, [...table[key].slice(0, index), { ...rule, ...when }]),
    })),
  }));
}

function withRules(table: TuningTable, key: RuleKey, rules: readonly object[]): TuningTable {
  return { ...table, ...Object.fromEntries([[key, rules]]) };
}

/** Formats a rule: its kernel, then its numbers. */
function describeRule(rule: object): string {
  return Object.entries(rule)
    .map(([name, value]) => (name === "kernel" ? String(value) : `${name} ${String(value)}`))
    .join(", ");
}

/** A table that uses one kernel of each class for all operations, whatever is fastest. */
export interface ForcedTable {
  /** What it is called, for people: "products: direct". */
  readonly name: string;
  readonly table: TuningTable;
}

/** Tables that together use every kernel of every class. */
export function forcedTables(base: TuningTable): ForcedTable[] {
  const count = Math.max(...KEYS.map((key) => CLASSES[key].rules.length));
  return Array.from({ length: count }, (_, index) => {
    const chosen = KEYS.map((key) => {
      const { rules } = CLASSES[key];
      return [key, rules[index % rules.length]!] as const;
    });
    return {
      name: chosen.map(([key, rule]) => `${key}: ${describeRule(rule)}`).join("; "),
      table: namedTable(chosen.reduce((table, [key, rule]) => withRules(table, key, [rule]), base)),
    };
  });
}

/** Removes rules whose operations would use the same kernel without them. */
export function simplified(table: TuningTable): TuningTable {
  return KEYS.reduce((simple, key) => withRules(simple, key, withoutRepeats<object>(table[key])), table);
}

function withoutRepeats<Rule extends object>(rules: readonly Rule[]): Rule[] {
  return rules.filter((rule, i) => {
    const next = rules[i + 1];
    return next === undefined || kernelOf(rule) !== kernelOf(next) || !isWider(next, rule);
  });
}

const isCondition = (name: string): boolean => name.startsWith("min");

/** What a rule says beside its conditions. */
function kernelOf(rule: object): string {
  return JSON.stringify(Object.fromEntries(Object.entries(rule).filter(([name]) => !isCondition(name))));
}

/** Whether all operations that fit `rule` also fit `next`. */
function isWider(next: object, rule: object): boolean {
  const least = new Map<string, unknown>(Object.entries(rule));
  return Object.entries(next)
    .filter(([name]) => isCondition(name))
    .every(([name, value]) => Number(value) <= Number(least.get(name) ?? 1));
}
