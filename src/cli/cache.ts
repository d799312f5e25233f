import { Option, type Command } from "commander";
import { clearCache, listCache, type CacheEntry } from "../files/cache.js";
import { cacheFolder } from "../platform/node.js";
import { publicUrl } from "../platform/secrets.js";
import { UsageError } from "./errors.js";
import { formatBytes } from "./format-bytes.js";
import { print, printJson } from "./output.js";

interface Flags {
  readonly folder: string;
  readonly json?: true;
}

/** What `dalle2 cache list --json` and `dalle2 cache clear --json` print; `files` is what is there, or was removed. */
export interface CacheReport {
  readonly folder: string;
  readonly bytes: number;
  readonly files: readonly CacheEntry[];
}

const EXAMPLES = `
Examples:
  $ dalle2 cache list
  $ dalle2 cache list --folder models        # the cache_dir of a load config
  $ dalle2 cache clear https://huggingface.co/laion/DALLE2-PyTorch/resolve/main/decoder/v1.0.2/latest.pth

Only downloads are listed and removed, never other files of the folder.`;

export function register(program: Command): void {
  const cache = program
    .command("cache")
    .description("list or clear what was downloaded")
    .addHelpText("after", EXAMPLES);
  const shared = (command: Command): Command =>
    command
      .addOption(new Option("--folder <dir>", "folder with downloads").default(cacheFolder(), "the user's cache"))
      .option(
        "--json",
        "print one JSON object: {folder, bytes, files: [{name, path, url, bytes, totalBytes, isComplete}]}",
      );
  shared(cache.command("list"))
    .description("list downloads, also unfinished ones, with their URLs and sizes")
    .action(async ({ folder, json }: Flags) => {
      report(folder, await listCache(folder), json, "no downloads");
    });
  shared(cache.command("clear"))
    .description("remove downloads, and print what was removed")
    .argument("[names...]", "names or URLs as `list` prints them; all where none are given")
    .action(async (names: readonly string[], { folder, json }: Flags) => {
      report(folder, await clear(folder, names), json, "nothing to remove");
    });
}

async function clear(folder: string, names: readonly string[]): Promise<CacheEntry[]> {
  const isNamed = ({ name, url }: CacheEntry, wanted: string): boolean => wanted === name || publicUrl(wanted) === url;
  const entries = await listCache(folder);
  const unknown = names.filter((wanted) => !entries.some((entry) => isNamed(entry, wanted)));
  if (unknown.length > 0)
    throw new UsageError(`${unknown.join(", ")}: no such download in ${folder}`, { advice: "see dalle2 cache list" });
  return clearCache(folder, (entry) => names.length === 0 || names.some((wanted) => isNamed(entry, wanted)));
}

function report(folder: string, files: readonly CacheEntry[], json: true | undefined, none: string): void {
  const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
  if (json) {
    printJson({ folder, bytes, files } satisfies CacheReport);
    return;
  }
  const summary =
    files.length === 0 ? none : `${files.length} ${files.length === 1 ? "file" : "files"}, ${formatBytes(bytes)}`;
  print([...files.map(format), `${folder}: ${summary}`].join("\n"));
}

function format({ name, url, bytes, totalBytes, isComplete }: CacheEntry): string {
  const of = totalBytes === undefined ? "" : ` of ${formatBytes(totalBytes)}`;
  const size = isComplete ? formatBytes(bytes) : `${formatBytes(bytes)}${of}, unfinished`;
  return [name, `  ${size}`, ...(url === undefined ? [] : [`  ${url}`])].join("\n");
}
