import { existsSync } from "node:fs";
import * as z from "zod/mini";
import { readText } from "#platform";
import { readJson } from "../../config/read-json.js";
import { MAX_BYTES } from "../../platform/limits.js";
import { UsageError } from "../errors.js";
import type { Asker } from "./asking.js";

const promptList = z.array(z.string().check(z.trim(), z.minLength(1)));

/**
 * Reads prompts from a file: a JSON array of strings (`.json`), or one per line; blank lines are skipped. Rejects with
 * `UsageError` if there are none.
 */
export async function readPrompts(file: string): Promise<readonly string[]> {
  const prompts = file.toLowerCase().endsWith(".json") ? await readList(file) : await readLines(file);
  if (prompts.length === 0) throw new UsageError(`${file}: there are no prompts in this file.`);
  return prompts;
}

async function readList(file: string): Promise<readonly string[]> {
  const { data } = promptList.safeParse(await readJson(file, {}, MAX_BYTES.prompts));
  if (data) return data;
  throw new UsageError(`${file}: a JSON file of prompts must be an array of strings that are not empty.`);
}

async function readLines(file: string): Promise<readonly string[]> {
  // Line ends as in Python's open(): CR LF, LF, or CR alone (old Macs). No other character ends a line.
  const lines = (await readText(file, MAX_BYTES.prompts)).split(/\r\n?|\n/).map((line) => line.trim());
  return lines.filter((line) => line !== "");
}

/** Asks for prompts or files of prompts, one at a time, until an empty answer. */
export async function askPrompts(asker: Asker): Promise<readonly string[]> {
  asker.say("Enter your prompts, one at a time, or .txt or .json files of prompts. Enter an empty line to finish.");
  const prompts: string[] = [];
  for (;;) {
    const answer = await asker.ask({
      message: `Prompt ${prompts.length + 1}`,
      fallback: prompts.length > 0 ? "" : undefined,
      check: (given) => (isPromptsFile(given) && !existsSync(given) ? "There is no such file." : undefined),
    });
    if (answer === "") return prompts;
    // Not push(...prompts): the prompts of a long file would overflow the stack.
    for (const prompt of isPromptsFile(answer) ? await readPrompts(answer) : [answer]) prompts.push(prompt);
  }
}

/** Whether an answer names a file of prompts, like dalle2-laion's `is_text_file` and `is_json_file`. */
export function isPromptsFile(answer: string): boolean {
  return /\.(txt|json)$/i.test(answer);
}
