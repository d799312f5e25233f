// Options of `dalle2 serve` that protect and show the server.
import { Option, type Command } from "commander";
import { CONNECTION_LIMITS, type ConnectionLimits } from "../../server/guard/http-server.js";
import { defaultKeysFile } from "../../server/guard/keys-file.js";
import { DEFAULT_LIMITS } from "../../server/guard/limits.js";
import { LOG_LEVELS, type LogLevel } from "../../server/observe/log.js";
import type { ProtectionSettings } from "../../server/protection.js";
import { collectTexts, nonEmptyText, wholeNumber } from "../option-values.js";
import { addLimitOptions, byteCount, limitsOf, type LimitFlags } from "./limit-options.js";

/** The values of these options. */
export interface GuardFlags extends LimitFlags {
  readonly keys?: string;
  readonly maxBody: number;
  readonly maxBodyAtOnce: number;
  readonly maxPixels: number;
  readonly maxConnections: number;
  readonly headersSeconds: number;
  readonly requestSeconds: number;
  readonly keepAliveSeconds: number;
  readonly stalledSeconds: number;
  readonly allowedHost?: readonly string[];
  readonly allowedOrigin?: readonly string[];
  readonly results: string;
  readonly resultMinutes: number;
  readonly resultBytes?: number;
  readonly resultFiles?: number;
  readonly urlSecretFile?: string;
  readonly s3Endpoint?: string;
  readonly s3Region?: string;
  readonly logLevel: LogLevel;
  readonly logPrompts?: true;
}

const MEBIBYTE = 2 ** 20;

/** Adds the options to a command. */
export function addGuardOptions(command: Command): Command {
  command.option(
    "--keys <file>",
    `file of keys that callers need (default: ${defaultKeysFile()} if it exists; else none, on loopback)`,
    nonEmptyText,
  );
  addLimitOptions(command, DEFAULT_LIMITS);
  addBodyOptions(command);
  addConnectionOptions(command);
  command
    .option("--allowed-host <name>", "further name of this server in Host headers; can be repeated", collectTexts)
    .option(
      "--allowed-origin <origin>",
      "origin whose pages may call this server (CORS); can be repeated",
      collectTexts,
    );
  addResultOptions(command);
  return command
    .addOption(new Option("--log-level <level>", "what is logged").choices(LOG_LEVELS).default("info"))
    .option("--log-prompts", "log prompts too");
}

function addBodyOptions(command: Command): void {
  command
    .addOption(bytes("--max-body <size>", "size of a request's body", 32 * MEBIBYTE))
    .addOption(bytes("--max-body-at-once <size>", "size of all bodies that are held at once", 256 * MEBIBYTE))
    .addOption(count("--max-pixels <n>", "pixels of an uploaded image", 2 ** 24));
}

function addConnectionOptions(command: Command): void {
  const { maxConnections, headersMs, requestMs, keepAliveMs, stalledMs } = CONNECTION_LIMITS;
  command
    .addOption(count("--max-connections <n>", "connections at once", maxConnections))
    .addOption(count("--headers-seconds <n>", "time for the headers of a request", headersMs / 1000))
    .addOption(count("--request-seconds <n>", "time for a request to arrive", requestMs / 1000))
    .addOption(count("--keep-alive-seconds <n>", "time that an idle connection is kept", keepAliveMs / 1000))
    .addOption(count("--stalled-seconds <n>", "time after which who reads no answer is cut off", stalledMs / 1000));
}

function addResultOptions(command: Command): void {
  command
    .addOption(
      new Option("--results <place>", "where results are kept: memory, a folder, or s3://BUCKET/PREFIX")
        .argParser(nonEmptyText)
        .default("memory"),
    )
    .addOption(count("--result-minutes <n>", "how long results are kept, and their URLs are valid", 60))
    .option("--result-bytes <size>", "bytes of all results (default: 256MB in memory, 10GB in a folder)", byteCount)
    .option("--result-files <n>", "files of all results (default: 100000; in a bucket any number)", wholeNumber)
    .option(
      "--url-secret-file <file>",
      "secret that signs the URLs of results; servers behind one name share it (default: DALLE2_URL_SECRET, or a new one)",
      nonEmptyText,
    )
    .option("--s3-endpoint <url>", "service of the bucket (default: AWS_ENDPOINT_URL_S3, or Amazon's)", nonEmptyText)
    .option("--s3-region <name>", "region of the bucket (default: AWS_REGION, or us-east-1)", nonEmptyText);
}

function count(flags: string, description: string, value: number): Option {
  return new Option(flags, description).argParser(wholeNumber).default(value);
}

function bytes(flags: string, description: string, value: number): Option {
  return new Option(flags, description).argParser(byteCount).default(value, `${value / MEBIBYTE}MiB`);
}

/** The settings of the flags, for `openProtection`. `host` is what the server binds to. */
export function protectionSettings(flags: GuardFlags, host: string): ProtectionSettings {
  return {
    host,
    keysFile: flags.keys ?? defaultKeysFile(),
    needsKeys: flags.keys !== undefined,
    limits: limitsOf(flags),
    maxBodyBytes: flags.maxBody,
    maxBodyBytesAtOnce: flags.maxBodyAtOnce,
    maxPixels: flags.maxPixels,
    allowedHosts: flags.allowedHost ?? [],
    allowedOrigins: flags.allowedOrigin ?? [],
    results: {
      location: flags.results,
      minutes: flags.resultMinutes,
      ...(flags.resultBytes === undefined ? {} : { maxBytes: flags.resultBytes }),
      ...(flags.resultFiles === undefined ? {} : { maxFiles: flags.resultFiles }),
      urlSecretFile: flags.urlSecretFile,
      s3Endpoint: flags.s3Endpoint,
      s3Region: flags.s3Region,
    },
    logLevel: flags.logLevel,
    logPrompts: flags.logPrompts === true,
  };
}

/** The limits of connections, for `createGuardedServer`. */
export function connectionLimits(flags: GuardFlags): ConnectionLimits {
  return {
    ...CONNECTION_LIMITS,
    maxConnections: flags.maxConnections,
    headersMs: flags.headersSeconds * 1000,
    requestMs: flags.requestSeconds * 1000,
    keepAliveMs: flags.keepAliveSeconds * 1000,
    stalledMs: flags.stalledSeconds * 1000,
  };
}
