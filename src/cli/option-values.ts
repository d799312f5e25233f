// Readers of option values for commander: each throws InvalidArgumentError, whose message follows the option's name.
import { statSync } from "node:fs";
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

/** A number from 0 to 1. */
export function fraction(value: string): number {
  return readByRule(rules.fraction, value, "It is not a number from 0 to 1.");
}

/** A count of at least 1. */
export function wholeNumber(value: string): number {
  return readByRule(rules.count, value, "It is not a whole number of at least 1.");
}

/** A folder for images. Other tools take the name of a file there. */
export function outputFolder(value: string): string {
  const folder = filledText(value);
  if (!/\.(png|jpe?g|webp)$/i.test(folder) || statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder;
  throw new InvalidArgumentError(
    "It is the name of an image; a folder is needed. Images are named by prompt and seed.",
  );
}

/** Path, URL or name of a load config. Other tools take a checkpoint there. */
export function loadConfig(value: string): string {
  const config = filledText(value);
  if (!/\.(safetensors|ckpt|pth|pt|bin|gguf|onnx)$/i.test(config)) return config;
  throw new InvalidArgumentError(
    "It is the name of a checkpoint; a load config is needed, a JSON file that names checkpoints (see configs/README.md).",
  );
}

/** A number, by the rule that the library has for it. */
export function readByRule(rule: rules.ArgumentRule, value: string, complaint: string): number {
  try {
    return rule("", value.trim() === "" ? NaN : Number(value));
  } catch (error) {
    if (error instanceof rules.ArgumentError) throw new InvalidArgumentError(complaint);
    throw error;
  }
}
