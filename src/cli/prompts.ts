import { parseConfig } from "../config/config-error.js";
import { z } from "zod";
import { readText } from "#platform";
import { readJson } from "../config/read-json.js";
import { UsageError } from "./errors.js";

/** Prompts of a file: a JSON array of strings (`.json`), or one in each line that is not blank. */
export async function readPrompts(file: string): Promise<readonly string[]> {
  if (file.toLowerCase().endsWith(".json"))
    return parseConfig(z.array(z.string().trim().min(1)), await readJson(file), file);
  const lines = (await readText(file)).split(/\r?\n/).map((line) => line.trim());
  return lines.filter((line) => line !== "");
}

/** Asks a person at the terminal for prompts, until an empty one. Throws `UsageError` where there is nobody to ask. */
export async function askPrompts(): Promise<readonly string[]> {
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError("There is nothing to draw: give --prompt or --prompts-file.");
  }
  const { isCancel, text } = await import("@clack/prompts");
  const prompts: string[] = [];
  for (;;) {
    const message = prompts.length === 0 ? "What shall be drawn?" : "And then? (empty to begin)";
    const answer = await text({ message, output: process.stderr });
    if (isCancel(answer)) throw new UsageError("Nothing was drawn.");
    const prompt = answer.trim();
    if (prompt === "" && prompts.length > 0) return prompts;
    if (prompt !== "") prompts.push(prompt);
  }
}
