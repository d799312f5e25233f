// Options for the limits of keys, of `dalle2 serve` and `dalle2 keys create`.
import { InvalidArgumentError, type Command } from "commander";
import type { Limits, OwnLimits } from "../../server/guard/limits.js";
import { wholeNumber } from "../option-values.js";

/** The values of these options. */
export interface LimitFlags {
  readonly requestsPerMinute?: number;
  readonly imagesPerHour?: number;
  readonly uploadBytesPerHour?: number;
  readonly concurrentRequests?: number;
  readonly imagesPerRequest?: number;
}

/** Adds the options. With defaults, `--help` says them. */
export function addLimitOptions(command: Command, defaults?: Limits): void {
  const text = (what: string, value: number | string | undefined): string =>
    value === undefined ? `${what} (default: the server's)` : `${what} (default: ${value})`;
  const bytes = defaults && `${defaults.uploadBytesPerHour / 2 ** 20}MiB`;
  command
    .option("--requests-per-minute <n>", text("requests of a key per minute", defaults?.requestsPerMinute), wholeNumber)
    .option("--images-per-hour <n>", text("images of a key per hour", defaults?.imagesPerHour), wholeNumber)
    .option("--upload-bytes-per-hour <size>", text("bytes that a key may send per hour", bytes), byteCount)
    .option("--concurrent-requests <n>", text("requests of a key at once", defaults?.concurrentRequests), wholeNumber)
    .option("--images-per-request <n>", text("images of a request", defaults?.imagesPerRequest), wholeNumber);
}

/** The limits that were given. */
export function limitsOf(flags: LimitFlags): OwnLimits {
  const { requestsPerMinute, imagesPerHour, uploadBytesPerHour, concurrentRequests, imagesPerRequest } = flags;
  return { requestsPerMinute, imagesPerHour, uploadBytesPerHour, concurrentRequests, imagesPerRequest };
}

const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KIB: 2 ** 10,
  MIB: 2 ** 20,
  GIB: 2 ** 30,
};

/** A number of bytes, such as `500000`, `20MB` or `16MiB`. */
export function byteCount(value: string): number {
  const [, digits = "", unit = ""] = /^(\d{1,15}(?:\.\d{1,6})?)\s*([a-z]*)$/i.exec(value.trim()) ?? [];
  const bytes = Math.round(Number(digits) * (UNITS[unit.toUpperCase()] ?? NaN));
  if (Number.isSafeInteger(bytes) && bytes > 0) return bytes;
  throw new InvalidArgumentError("It is not a number of bytes, such as 500000, 20MB or 16MiB.");
}
