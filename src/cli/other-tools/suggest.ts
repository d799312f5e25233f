import type { Command } from "commander";
import { distance } from "fastest-levenshtein";

/** Commands of other tools, and the commands here that do the same. */
const COMMANDS: Readonly<Record<string, string>> = {
  generate: "dream",
  txt2img: "dream",
  imagine: "dream",
  create: "dream",
  img2img: "variation",
  vary: "variation",
  outpaint: "inpaint",
  fill: "inpaint",
  enlarge: "upscale",
  info: "inspect",
};

/** Maximum number of suggestions. */
const MOST = 3;

/** A sentence with the options that the user may have meant, if there are any. */
export function suggestOption(command: Command, typed: string): string | undefined {
  const names = command.options.filter(({ hidden, long }) => !hidden && long !== undefined).map(({ long }) => long!);
  const found = closest(typed, names);
  return found.length === 0 ? undefined : `Did you mean ${found.join(" or ")}?`;
}

/** The same for an unknown command. A prompt in place of a command suggests `dream`. */
export function suggestCommand(program: Command, typed: string): string | undefined {
  if (/\s/.test(typed)) return `To generate an image from a prompt: dalle2 dream ${JSON.stringify(typed)}`;
  const names = program.commands.map((command) => command.name());
  const found = Object.hasOwn(COMMANDS, typed) ? [COMMANDS[typed]!] : closest(typed, names);
  return found.length === 0 ? undefined : `Did you mean ${found.join(" or ")}?`;
}

function closest(typed: string, names: readonly string[]): readonly string[] {
  const word = plain(typed);
  const same = names.filter((name) => plain(name) === word);
  if (same.length > 0) return same;
  const parts = words(typed);
  const longer = names.filter((name) => parts.every((part) => words(name).includes(part)));
  if (longer.length > 0 && longer.length <= MOST) return longer;
  // At most one typo in four letters; a larger difference means another word.
  const allowed = Math.max(1, Math.floor(word.length / 4));
  const distances = names.map((name) => typos(word, plain(name)));
  const least = Math.min(...distances);
  return least > allowed ? [] : names.filter((_, i) => distances[i] === least).slice(0, MOST);
}

/** Number of typos: letters that are wrong, missing, added or swapped. */
function typos(word: string, name: string): number {
  const sorted = (text: string): string => Array.from(text).sort().join("");
  return word !== name && sorted(word) === sorted(name) ? 1 : distance(word, name);
}

/** A name in lower case, without dashes and underscores. */
function plain(name: string): string {
  return name.replace(/[-_]/g, "").toLowerCase();
}

/** The words of a name such as `decoder-batch-size` or `batchSize`. */
function words(name: string): readonly string[] {
  return name
    .replace(/\p{Lu}/gu, "-$&")
    .toLowerCase()
    .split(/[-_]+/)
    .filter((part) => part !== "");
}
