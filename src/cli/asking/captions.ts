import { basename, parse } from "node:path";
import type { Asker } from "./asking.js";
import { UsageError } from "../errors.js";

/**
 * The text that a file's name suggests (upstream's `get_prompt_from_filestem`): `red_circle.png`, `redCircle.png`.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/utils.py#L24-L35
 */
export function captionOf(file: string): string {
  const spaced = parse(file)
    .name.replaceAll("_", " ")
    .replace(/\p{Lu}/gu, " $&");
  const words = spaced.trim().replace(/\s+/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
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
