import type { Logger } from "pino";
import { printable } from "../../platform/printable.js";
import { hideSecrets, withoutSecrets } from "../../platform/secrets.js";
import { loadPackage } from "../load-package.js";
import type { LogFields, ServerLog } from "./types.js";

/** What is logged. A level includes those after it. */
export const LOG_LEVELS = ["info", "warn", "error", "silent"] as const;
/** One of `LOG_LEVELS`. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Where lines go. */
export interface LogTarget {
  write(line: string): void;
}

/** Options of `openLog`. */
export interface LogOptions {
  readonly level: LogLevel;
  /** Default: standard error. */
  readonly target?: LogTarget | undefined;
}

/** Opens the log: a JSON object per line. Rejects with `MissingPackageError` without the package `pino`. */
export async function openLog({ level, target }: LogOptions): Promise<ServerLog> {
  const { pino } = await loadPackage("pino", "the server's log", () => import("pino"));
  const STANDARD_ERROR = 2;
  const logger: Logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    // Written at once: the last lines before a crash are those that count.
    target ?? pino.destination({ dest: STANDARD_ERROR, sync: true }),
  );
  const write =
    (at: "info" | "warn" | "error") =>
    (message: string, fields: LogFields = {}): void => {
      if (logger.isLevelEnabled(at)) logger[at](cleaned(fields, 0), printable(hideSecrets(message)));
    };
  return { info: write("info"), warn: write("warn"), error: write("error") };
}

const MAX_DEPTH = 4;
const MAX_TEXT = 4000;
const MAX_ITEMS = 100;

/** A value without secrets and control characters, of bounded size: what strangers send may be in it. */
function cleaned(value: unknown, depth: number): unknown {
  if (typeof value === "string") return printable(hideSecrets(value)).slice(0, MAX_TEXT);
  if (typeof value !== "object" || value === null) return value;
  if (depth === MAX_DEPTH) return "…";
  if (value instanceof Error) return ofError(value, depth);
  if (Array.isArray(value)) return value.slice(0, MAX_ITEMS).map((item) => cleaned(item, depth + 1));
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return Object.fromEntries(entries.map(([key, item]) => [key, cleaned(item, depth + 1)]));
}

function ofError(error: Error, depth: number): unknown {
  const clean = withoutSecrets(error) as Error;
  const { name, message, stack, cause } = clean;
  const { code } = clean as { readonly code?: unknown };
  return {
    name,
    ...(typeof code === "string" ? { code } : {}),
    message: cleaned(message, depth + 1),
    stack: cleaned(stack ?? "", depth + 1),
    ...(cause === undefined ? {} : { cause: cleaned(cause, depth + 1) }),
  };
}
