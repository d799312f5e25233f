import type { Command } from "commander";
import { UsageError } from "../errors.js";
import { acceptCommonOptions } from "./accept.js";
import { suggestCommand, suggestOption } from "./suggest.js";

/** Makes the commands of a program accept options known from other tools, and suggest a correction for unknown ones. */
export function assist(program: Command): void {
  const commands = program.commands.flatMap((command) => [command, ...command.commands]);
  commands.forEach(acceptCommonOptions);
  const outputError = (text: string, write: (text: string) => void): void => {
    write(text + suggestion(program, text));
  };
  // Commander's own suggestions only consider spelling.
  for (const one of [program, ...commands]) one.showSuggestionAfterError(false).configureOutput({ outputError });
}

/** Throws `UsageError` for `-s 42`. In other tools that is a seed, steps or a size; here the number would become a prompt. */
export function refuseShortSeed(args: readonly string[]): void {
  const at = args.findIndex((arg, i) => arg === "-s" && /^-?\d+(x\d+)?$/.test(args[i + 1] ?? ""));
  if (at < 0) return;
  const value = args[at + 1]!;
  throw new UsageError(
    `-s ${value}: -s is short for --suppress-updates and takes no value. For a seed, use --seed ${value}; for sampling steps, --steps ${value}.`,
  );
}

/** The line to add to commander's message for an unknown option or command; empty if there is no suggestion. */
function suggestion(program: Command, error: string): string {
  const [, kind, typed = ""] = /unknown (option|command) '([^]*)'/.exec(error) ?? [];
  if (kind === undefined) return "";
  const line = kind === "command" ? suggestCommand(program, typed) : optionSuggestion(program, typed);
  return line === undefined ? "" : `${line}\n`;
}

function optionSuggestion(program: Command, typed: string): string | undefined {
  const [first, second] = program.args;
  const command = program.commands.find((one) => one.name() === first);
  if (!command) return "Options come after the command, as in: dalle2 dream --steps 24";
  const inner = command.commands.find((one) => one.name() === second);
  return suggestOption(inner ?? command, typed);
}
