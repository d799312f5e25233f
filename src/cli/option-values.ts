// Readers of option values for commander: each throws InvalidArgumentError, whose message follows the option's name.
import { InvalidArgumentError } from "commander";
import * as rules from "../platform/arguments.js";

/** A text that says something, without spaces around it. */
export function filledText(value: string): string {
  const text = value.trim();
  if (text === "") throw new InvalidArgumentError("It is empty.");
  return text;
}

/** Adds a text, or a path, to those before it. */
export function collectTexts(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, filledText(value)];
}

/** A number. */
export function finiteNumber(value: string): number {
  return byRule(rules.finiteNumber, value, "It is not a number.");
}

/** A number from 0 to 1. */
export function fraction(value: string): number {
  return byRule(rules.fraction, value, "It is not a number from 0 to 1.");
}

/** A count of at least 1. */
export function wholeNumber(value: string): number {
  return byRule(rules.count, value, "It is not a whole number of at least 1.");
}

/** A seed. */
export function seedNumber(value: string): number {
  return byRule(rules.seed, value, "It is not a whole number from 0 to 2^53 - 1.");
}

/** Numbers with commas between them. */
export function numbers(value: string): readonly number[] {
  return value.split(",").map(finiteNumber);
}

/** Counts with commas between them. */
export function wholeNumbers(value: string): readonly number[] {
  return value.split(",").map(wholeNumber);
}

/** The rule that the library has for such a number. */
function byRule(rule: rules.ArgumentRule, value: string, complaint: string): number {
  try {
    return rule("", value.trim() === "" ? NaN : Number(value));
  } catch (error) {
    if (error instanceof rules.ArgumentError) throw new InvalidArgumentError(complaint);
    throw error;
  }
}
