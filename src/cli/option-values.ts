// Parsers of option values for commander. Each throws InvalidArgumentError; commander puts the option's name before its message.
import { existsSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { InvalidArgumentError } from "commander";
import { isImageFile } from "../image/image-files.js";
import * as rules from "../platform/arguments.js";

/** A text that is not empty, without spaces around it. */
export function nonEmptyText(value: string): string {
  const text = value.trim();
  if (text === "") throw new InvalidArgumentError("It is empty.");
  return text;
}

/** Appends a text or path to those given before. */
export function collectTexts(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, nonEmptyText(value)];
}

/** A number from 0 to 1. */
export function fraction(value: string): number {
  return readByRule(rules.fraction, value, "It is not a number from 0 to 1.");
}

/** A count of at least 1. */
export function wholeNumber(value: string): number {
  return readByRule(rules.count, value, "It is not a whole number of at least 1.");
}

/** Finite numbers, separated by commas. */
export function finiteNumbers(value: string): readonly number[] {
  const complaint = "It is not a list of numbers separated by commas, such as 0.3,0.7.";
  return value.split(",").map((one) => readByRule(rules.finiteNumber, one, complaint));
}

/** A folder for images. Other tools take a file name here. */
export function outputFolder(value: string): string {
  const folder = nonEmptyText(value);
  if (!isImageFile(folder) || statSync(folder, { throwIfNoEntry: false })?.isDirectory()) return folder;
  throw new InvalidArgumentError("It must be a folder, not an image file. Images are named by prompt and seed.");
}

/** Path, URL or name of a load config. Other tools take a checkpoint here. */
export function loadConfig(value: string): string {
  const config = nonEmptyText(value);
  if (!/\.(safetensors|ckpt|pth|pt|bin|gguf|onnx)$/i.test(config)) return config;
  throw new InvalidArgumentError(
    "It must be a load config (a JSON file that names checkpoints, see configs/README.md), not a checkpoint.",
  );
}

/** Path, URL or hub id of a folder of models. A path is made absolute: one in a load config would start there. */
export function folderOfModels(value: string): string {
  const folder = loadConfig(value);
  return existsSync(folder) ? resolve(folder) : folder;
}

/** Reads a number and checks it with the library's rule. */
export function readByRule(rule: rules.ArgumentRule, value: string, complaint: string): number {
  try {
    return rule("", value.trim() === "" ? NaN : Number(value));
  } catch (error) {
    if (error instanceof rules.ArgumentError) throw new InvalidArgumentError(complaint);
    throw error;
  }
}
