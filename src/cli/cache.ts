import { Option, type Command } from "commander";
import { clearCache, listCache, type CacheEntry } from "../files/cache.js";
import { cacheFolder } from "../platform/node.js";
import { counted } from "../platform/counted.js";
import { publicUrl } from "../platform/secrets.js";
import { UsageError } from "./errors.js";
import { formatBytes } from "../platform/format-bytes.js";
import { InterruptedError } from "./interrupt.js";
import { print, printJson, say, sanitized } from "./output.js";

interface Flags {
  readonly folder: string;
  readonly json?: true;
  readonly yes?: true;
}

/** What `dalle2 cache list --json` and `dalle2 cache clear --json` print. `files` lists the downloads, or those that were removed. */
export interface CacheReport {
  readonly folder: string;
  readonly bytes: number;
  readonly files: readonly CacheEntry[];
}

const EXAMPLES = `
Examples:
  $ dalle2 cache list
  $ dalle2 cache list --folder models        # the cache_dir of a load config
  $ dalle2 cache clear --yes                 # do not ask (for scripts)
  $ dalle2 cache clear https://huggingface.co/laion/DALLE2-PyTorch/resolve/main/decoder/v1.0.2/latest.pth

Only downloads are listed and removed, never other files in the folder.`;

export function register(program: Command): void {
  const cache = program.command("cache").description("list or remove downloaded files").addHelpText("after", EXAMPLES);
  const shared = (command: Command): Command =>
    command
      .addOption(new Option("--folder <dir>", "folder with downloads").default(cacheFolder(), "the user's cache"))
      .option(
        "--json",
        "print one JSON object: {folder, bytes, files: [{name, path, url, bytes, totalBytes, isComplete, isInUse}]}",
      );
  shared(cache.command("list"))
    .description("list downloads, including unfinished ones, with their URLs and sizes")
    .action(async ({ folder, json }: Flags) => {
      report(folder, await listCache(folder), json, "no downloads");
    });
  shared(cache.command("clear"))
    .description("remove downloads and print what was removed")
    .argument("[names...]", "names or URLs, as `list` prints them (default: all)")
    .option("-y, --yes", "remove without asking")
    .action(async (names: readonly string[], { folder, json, yes }: Flags) => {
      const chosen = await choose(folder, names);
      const isWanted = chosen.length === 0 || yes === true || (await askToClear(folder, chosen));
      const isChosen = ({ path }: CacheEntry): boolean => isWanted && chosen.some((one) => one.path === path);
      report(folder, await clearCache(folder, isChosen), json, isWanted ? "nothing to remove" : "nothing was removed");
    });
}

/** The downloads with the given names or URLs; all if none are given. Rejects with `UsageError` for an unknown name. */
async function choose(folder: string, names: readonly string[]): Promise<readonly CacheEntry[]> {
  const isNamed = ({ name, url }: CacheEntry, wanted: string): boolean => wanted === name || publicUrl(wanted) === url;
  const entries = await listCache(folder);
  const unknown = names.filter((wanted) => !entries.some((entry) => isNamed(entry, wanted)));
  if (unknown.length > 0)
    throw new UsageError(`${unknown.join(", ")}: no such download in ${folder}`, {
      advice: "run dalle2 cache list to see the downloads",
    });
  return entries.filter((entry) => names.length === 0 || names.some((wanted) => isNamed(entry, wanted)));
}

/** Asks whether downloads may be removed. Rejects with `UsageError` if there is no terminal to ask at. */
async function askToClear(folder: string, files: readonly CacheEntry[]): Promise<boolean> {
  const what = `${summaryOf(files)} in ${folder}`;
  if (!process.stdin.isTTY || !process.stderr.isTTY) {
    throw new UsageError(`Cannot ask whether to remove ${what}: this is not a terminal. Use --yes to remove them.`);
  }
  const { confirm, isCancel } = await import("@clack/prompts");
  say(files.map(format).join("\n"));
  const answer = await confirm({ message: sanitized(`Remove ${what}?`), initialValue: false, output: process.stderr });
  if (isCancel(answer)) throw new InterruptedError();
  return answer;
}

function summaryOf(files: readonly CacheEntry[]): string {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  return `${counted(files.length, "file")}, ${formatBytes(bytes)}`;
}

function report(folder: string, files: readonly CacheEntry[], json: true | undefined, none: string): void {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (json) {
    printJson({ folder, bytes, files } satisfies CacheReport);
    return;
  }
  print([...files.map(format), `${folder}: ${files.length === 0 ? none : summaryOf(files)}`].join("\n"));
}

function format({ name, url, bytes, totalBytes, isComplete }: CacheEntry): string {
  const of = totalBytes === undefined ? "" : ` of ${formatBytes(totalBytes)}`;
  const size = isComplete ? formatBytes(bytes) : `${formatBytes(bytes)}${of}, unfinished`;
  return [name, `  ${size}`, ...(url === undefined ? [] : [`  ${url}`])].join("\n");
}
