// Readers of option values for commander: each throws InvalidArgumentError, whose message follows the option's name.
import { InvalidArgumentError } from "commander";

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
  const number = Number(value);
  if (value.trim() === "" || !Number.isFinite(number)) throw new InvalidArgumentError("It is not a number.");
  return number;
}

/** A number from 0 to 1. */
export function fraction(value: string): number {
  const number = finiteNumber(value);
  if (number < 0 || number > 1) throw new InvalidArgumentError("It is not a number from 0 to 1.");
  return number;
}

/** A count of at least 1. */
export function wholeNumber(value: string): number {
  const number = finiteNumber(value);
  if (!Number.isInteger(number) || number < 1)
    throw new InvalidArgumentError("It is not a whole number of at least 1.");
  return number;
}

/** A seed. */
export function seedNumber(value: string): number {
  const number = finiteNumber(value);
  if (!Number.isSafeInteger(number) || number < 0) {
    throw new InvalidArgumentError("It is not a whole number from 0 to 2^53.");
  }
  return number;
}

/** Numbers with commas between them. */
export function numbers(value: string): readonly number[] {
  return value.split(",").map(finiteNumber);
}

/** Counts with commas between them. */
export function wholeNumbers(value: string): readonly number[] {
  return value.split(",").map(wholeNumber);
}
