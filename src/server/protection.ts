// What protects and shows a server, from its settings.
import process from "node:process";
import { readText } from "../platform/node.js";
import { registerSecret } from "../platform/secrets.js";
import type { BodyLimits } from "./guard/body.js";
import { createGuard } from "./guard/guard.js";
import { isLoopback } from "./guard/hosts.js";
import { FileKeys } from "./guard/keys.js";
import { DEFAULT_LIMITS, LOCAL_LIMITS, withOwn, type OwnLimits } from "./guard/limits.js";
import type { Guard } from "./guard/types.js";
import type { JobRunner } from "./jobs/job-runner.js";
import { openLog, type LogLevel, type LogTarget } from "./observe/log.js";
import { openObserve } from "./observe/observe.js";
import type { Observe, ServerLog } from "./observe/types.js";
import type { MemoryBounds } from "./results/memory-store.js";
import { openStore } from "./results/open-store.js";
import { createResults } from "./results/results.js";
import type { Results } from "./results/types.js";
import { SettingsError } from "./settings-error.js";

/** How a server is protected. */
export interface ProtectionSettings extends BodyLimits {
  /** The host that the server binds to. */
  readonly host: string;
  /** Path of the file of keys. */
  readonly keysFile: string;
  /** Whether the server is started only if there is a file of keys. Without it, a missing file means no keys, on loopback. */
  readonly needsKeys: boolean;
  /** Limits that differ from the defaults. */
  readonly limits: OwnLimits;
  readonly maxPixels: number;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly results: ResultSettings;
  readonly logLevel: LogLevel;
  readonly logPrompts: boolean;
}

/** How results are kept. */
export interface ResultSettings extends Partial<MemoryBounds> {
  /** `memory`, a folder, or `s3://BUCKET/PREFIX`. */
  readonly location: string;
  readonly minutes: number;
  /** File with the secret that signs URLs. Default: `DALLE2_URL_SECRET`, or a random one. */
  readonly urlSecretFile?: string | undefined;
  readonly s3Endpoint?: string | undefined;
  readonly s3Region?: string | undefined;
}

/** What protects and shows a server. */
export interface Protection {
  readonly guard: Guard;
  readonly results: Results;
  readonly observe: Observe;
}

/** How many files are kept at most. */
const MAX_FILES = 100_000;
/** Bytes of all results, by where they are kept. A bucket has its own bounds. */
const MAX_BYTES = { memory: 256 * 2 ** 20, folder: 10 * 2 ** 30, bucket: Infinity };

/**
 * Opens what protects and shows a server. Rejects with `SettingsError` if the server would not be safe, `FileError` if a file cannot
 * be read, `StoreError` or `MissingPackageError`.
 */
export async function openProtection(
  settings: ProtectionSettings,
  runner: JobRunner,
  logTarget?: LogTarget,
): Promise<Protection> {
  const log = await openLog({ level: settings.logLevel, target: logTarget });
  const onWarning = (message: string): void => {
    log.warn(message);
  };
  const keys = await openKeys(settings, log);
  checkOrigins(settings, keys !== undefined);
  const results = await openResults(settings.results, onWarning);
  const guard = createGuard({
    ...settings,
    boundHost: settings.host,
    keys,
    limits: withOwn(LOCAL_LIMITS, settings.limits),
    store: results.store,
    onWarning,
  });
  return { guard, results, observe: await openObserve({ runner, log, logPrompts: settings.logPrompts }) };
}

async function openKeys(settings: ProtectionSettings, log: ServerLog): Promise<FileKeys | undefined> {
  const { host, keysFile, needsKeys } = settings;
  const advice = "create a key with: dalle2 keys create NAME";
  const keys = await FileKeys.open(keysFile, {
    limits: withOwn(DEFAULT_LIMITS, settings.limits),
    onWarning: (message) => {
      log.warn(`${keysFile}: ${message}`);
    },
  });
  if (keys && keys.count > 0) return keys;
  if (keys) throw new SettingsError(`${keysFile} has no key that is not revoked.`, { advice });
  if (needsKeys) throw new SettingsError(`There is no file of keys ${keysFile}.`, { advice });
  if (isLoopback(host)) return undefined;
  throw new SettingsError(`At ${host}, other machines can reach the server, and it has no keys: anyone could use it.`, {
    advice: `${advice}; or bind to 127.0.0.1`,
  });
}

function checkOrigins({ allowedOrigins, allowedHosts }: ProtectionSettings, hasKeys: boolean): void {
  for (const origin of allowedOrigins) {
    if (origin === "*") {
      if (hasKeys) continue;
      throw new SettingsError("Without keys, pages of all origins may not call the server: name the origins.");
    }
    if (URL.canParse(origin) && new URL(origin).origin === origin.toLowerCase()) continue;
    throw new SettingsError(`${origin} is not an origin.`, { advice: "write it as https://example.com" });
  }
  const wrong = allowedHosts.find((host) => !/^(?:[\w.-]{1,253}|\[[\da-fA-F:.]{2,45}\])$/.test(host));
  if (wrong === undefined) return;
  throw new SettingsError(`${wrong} is not the name of a host.`, { advice: "write it without scheme and port" });
}

async function openResults(settings: ResultSettings, onWarning: (message: string) => void): Promise<Results> {
  const { location, minutes, urlSecretFile } = settings;
  const kind = location === "memory" ? "memory" : location.startsWith("s3://") ? "bucket" : "folder";
  const { maxBytes = MAX_BYTES[kind], maxFiles = kind === "bucket" ? Infinity : MAX_FILES } = settings;
  const bounds = { maxBytes, maxFiles };
  const store = await openStore({ ...settings, ...bounds });
  const secret = await urlSecret(urlSecretFile);
  return createResults({ ...bounds, store, resultMs: minutes * 60_000, secret, onWarning });
}

/** A shorter secret could be guessed. */
const MIN_SECRET = 32;

async function urlSecret(file: string | undefined): Promise<Uint8Array | undefined> {
  const given = file === undefined ? process.env.DALLE2_URL_SECRET : await readText(file, 2 ** 16);
  const secret = given?.trim() ?? "";
  if (secret === "" && file === undefined) return undefined;
  if (secret.length < MIN_SECRET) {
    throw new SettingsError(
      `The secret that signs URLs (${file ?? "DALLE2_URL_SECRET"}) needs at least ${MIN_SECRET} characters.`,
      { advice: "make one with: openssl rand -hex 32" },
    );
  }
  registerSecret(secret);
  return new TextEncoder().encode(secret);
}
