import { Option, type Command } from "commander";
import { counted } from "../platform/counted.js";
import { changeKeys, defaultKeysFile, readKeys, type StoredKey } from "../server/guard/keys-file.js";
import { hashOfToken, newToken } from "../server/guard/tokens.js";
import { UsageError } from "./errors.js";
import { nonEmptyText } from "./option-values.js";
import { print, printJson } from "./output.js";
import { addLimitOptions, limitsOf, type LimitFlags } from "./serving/limit-options.js";

interface Flags {
  readonly file: string;
  readonly json?: true;
}

interface CreateFlags extends Flags, LimitFlags {
  readonly metrics?: true;
}

/** What `dalle2 keys list --json` prints of each key. */
export interface KeyReport extends Omit<StoredKey, "sha256"> {
  /** Whether callers can use it. */
  readonly isActive: boolean;
}

const EXAMPLES = `
Examples:
  $ dalle2 keys create alice                          # prints her key, once
  $ dalle2 keys create bot --images-per-hour 2000
  $ dalle2 keys create prometheus --metrics           # may read /metrics
  $ dalle2 keys revoke alice

A server that runs notices changes within a second.`;

export function register(program: Command): void {
  const keys = program
    .command("keys")
    .description("create, list and revoke keys for dalle2 serve")
    .addHelpText("after", EXAMPLES);
  const shared = (command: Command): Command =>
    command
      .addOption(new Option("--file <file>", "file of the keys").argParser(nonEmptyText).default(defaultKeysFile()))
      .option("--json", "print JSON");
  const create = shared(keys.command("create"))
    .description("create a key and print it. It is shown only once; the file has its hash")
    .argument("<name>", "who or what the key is for", keyName)
    .option("--metrics", "the key may read /metrics")
    .action(createKey);
  addLimitOptions(create);
  shared(keys.command("list")).description("list keys, without what callers send").action(listKeys);
  shared(keys.command("revoke"))
    .description("end keys for good")
    .argument("<keys...>", "names or ids, as `list` prints them")
    .action(revokeKeys);
}

function keyName(value: string): string {
  const name = nonEmptyText(value);
  if (/^[\w.@ -]{1,100}$/.test(name)) return name;
  throw new UsageError(`${name}: a name has up to 100 letters, digits, spaces and . _ - @`);
}

async function createKey(name: string, flags: CreateFlags): Promise<void> {
  const { id, token } = newToken();
  const limits = Object.fromEntries(Object.entries(limitsOf(flags)).filter(([, value]) => value !== undefined));
  const key: StoredKey = {
    id,
    name,
    sha256: hashOfToken(token),
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(flags.metrics ? { readsMetrics: true } : {}),
    created: new Date().toISOString(),
  };
  await changeKeys(flags.file, (keys) => {
    const isTaken = keys.some((one) => one.name === name && one.revoked === undefined);
    if (!isTaken) return [...keys, key];
    throw new UsageError(`There is a key named ${name}.`, { advice: `revoke it first: dalle2 keys revoke ${name}` });
  });
  if (flags.json) printJson({ id, name, key: token });
  else print(token);
}

async function listKeys({ file, json }: Flags): Promise<void> {
  const keys = (await readKeys(file)) ?? [];
  if (json) {
    printJson({ file, keys: keys.map(report) });
    return;
  }
  print([...keys.map(describe), `${file}: ${keys.length === 0 ? "no keys" : counted(keys.length, "key")}`].join("\n"));
}

function report({ id, name, limits, readsMetrics, created, revoked }: StoredKey): KeyReport {
  return { id, name, limits, readsMetrics, created, revoked, isActive: revoked === undefined };
}

function describe({ id, name, created, revoked, limits = {}, readsMetrics }: StoredKey): string {
  const own = Object.entries(limits).map(([limit, value]) => `${limit} ${value}`);
  const facts = [
    id,
    `created ${created.slice(0, 10)}`,
    ...(revoked === undefined ? [] : [`revoked ${revoked.slice(0, 10)}`]),
    ...(readsMetrics ? ["may read metrics"] : []),
    ...own,
  ];
  return `${name}\n  ${facts.join(", ")}`;
}

async function revokeKeys(wanted: readonly string[], { file, json }: Flags): Promise<void> {
  const revoked = new Date().toISOString();
  const isWanted = ({ id, name, revoked: before }: StoredKey): boolean =>
    before === undefined && (wanted.includes(id) || wanted.includes(name));
  let ended: readonly StoredKey[] = [];
  await changeKeys(file, (keys) => {
    const unknown = wanted.filter((one) => !keys.some((key) => isWanted(key) && [key.id, key.name].includes(one)));
    if (unknown.length > 0) {
      throw new UsageError(`${unknown.join(", ")}: no such key in ${file}, or it was revoked before`, {
        advice: "run dalle2 keys list",
      });
    }
    ended = keys.filter(isWanted);
    return keys.map((key) => (isWanted(key) ? { ...key, revoked } : key));
  });
  if (json) printJson({ file, keys: ended.map((key) => report({ ...key, revoked })) });
  else print(ended.map(({ id, name }) => `revoked ${name} (${id})`).join("\n"));
}
