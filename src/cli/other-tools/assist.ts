import type { Command } from "commander";
import { UsageError } from "../errors.js";
import { acceptCommonOptions } from "./accept.js";
import { suggestCommand, suggestOption } from "./suggest.js";

/** Has the commands of a program take what people know from other tools, and say what fits where they do not. */
export function assist(program: Command): void {
  const commands = program.commands.flatMap((command) => [command, ...command.commands]);
  commands.forEach(acceptCommonOptions);
  const outputError = (text: string, write: (text: string) => void): void => {
    write(text + suggestion(program, text));
  };
  // Commander's own suggestions come from the spelling alone.
  for (const one of [program, ...commands]) one.showSuggestionAfterError(false).configureOutput({ outputError });
}

/** Throws `UsageError` for `-s 42`: other tools take a seed, steps or a size there; here the number would be a prompt. */
export function refuseShortSeed(args: readonly string[]): void {
  const at = args.findIndex((arg, i) => arg === "-s" && /^-?\d+(x\d+)?$/.test(args[i + 1] ?? ""));
  if (at < 0) return;
  const value = args[at + 1]!;
  throw new UsageError(
    `-s ${value}: -s is short for --suppress-updates and takes no value. A seed is --seed ${value}, a number of steps --steps ${value}.`,
  );
}

/** What else to say where commander does not know an option or a command: a line, or nothing. */
function suggestion(program: Command, error: string): string {
  const [, kind, typed = ""] = /unknown (option|command) '([^]*)'/.exec(error) ?? [];
  if (kind === undefined) return "";
  const line = kind === "command" ? suggestCommand(program, typed) : optionSuggestion(program, typed);
  return line === undefined ? "" : `${line}\n`;
}

function optionSuggestion(program: Command, typed: string): string | undefined {
  const [first, second] = program.args;
  const command = program.commands.find((one) => one.name() === first);
  if (!command) return "Options stand behind the command, as in: dalle2 dream --steps 24";
  const inner = command.commands.find((one) => one.name() === second);
  return suggestOption(inner ?? command, typed);
}
