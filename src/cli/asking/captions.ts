import { basename } from "node:path";
import { promptFromFileName } from "../../image/image-files.js";
import type { Asker } from "./asking.js";
import { UsageError } from "../errors.js";

/** The text that a file suggests. */
export function captionOf(file: string): string {
  return promptFromFileName(file);
}

/** A text for each file: those given, one for all, or what the names suggest. Throws `UsageError` for another number. */
export function textsFor(files: readonly string[], given: readonly string[]): readonly string[] {
  if (given.length === 0) return files.map(captionOf);
  if (given.length === 1) return files.map(() => given[0]!);
  if (given.length === files.length) return given;
  throw new UsageError(`Give --text once, or for each of ${files.length} images, not ${given.length} times.`);
}

/** Asks for the text of a file. */
export function askText(asker: Asker, file: string): Promise<string> {
  return asker.ask({ message: `Prompt for ${basename(file)}`, fallback: captionOf(file) });
}
