#!/usr/bin/env node
import { Command, CommanderError, Option } from "commander";
import { hideTokens } from "../files/hub.js";
import { adviceBeside, Dalle2Error } from "../platform/dalle2-error.js";
import { InterruptedError } from "./interrupt.js";
import { assist, refuseShortSeed } from "./other-tools/assist.js";
import { say, sayPart } from "./output.js";
import { PACKAGE_VERSION } from "../platform/package-version.js";

interface CommandModule {
  register(program: Command): void;
}

/** Only the module of the named command is loaded. */
const COMMANDS: Readonly<Record<string, () => Promise<CommandModule>>> = {
  dream: () => import("./dream.js"),
  variation: () => import("./variation.js"),
  inpaint: () => import("./inpaint.js"),
  upscale: () => import("./upscale.js"),
  interpolate: () => import("./interpolate.js"),
  edit: () => import("./edit.js"),
  embed: () => import("./embed.js"),
  show: () => import("./show.js"),
  test: () => import("./test.js"),
  cache: () => import("./cache.js"),
  demo: () => import("./demo.js"),
  bench: () => import("./bench.js"),
  setup: () => import("./setup.js"),
  doctor: () => import("./doctor.js"),
  tune: () => import("./tune.js"),
  verify: () => import("./verify.js"),
  inspect: () => import("./inspect.js"),
  memory: () => import("./memory.js"),
  convert: () => import("./convert.js"),
  serve: () => import("./serve.js"),
  worker: () => import("./worker.js"),
  queue: () => import("./queue.js"),
  keys: () => import("./keys.js"),
};

const EXIT_CODES = `
For the options of a command: dalle2 COMMAND --help. Results go to standard output, everything else to standard error.
Exit status: 0 success; 1 failure; 2 wrong usage, invalid configuration or missing file; 130 (Ctrl-C), 143 (SIGTERM) or
129 (SIGHUP) interrupted, with finished images kept.`;

async function main(args: readonly string[]): Promise<number> {
  const program = new Command("dalle2")
    .description(
      "Run DALL·E 2 class (unCLIP) models on WebGPU, without Python: DALLE2-pytorch, Kandinsky 2.2, Karlo, Stable unCLIP.",
    )
    .version(PACKAGE_VERSION)
    // dalle2-laion takes these two options before the command; here they can also come after it.
    .addOption(new Option("-v, --verbose").hideHelp())
    .addOption(new Option("-s, --suppress-updates").hideHelp())
    .enablePositionalOptions()
    .addHelpText("after", EXIT_CODES)
    .configureOutput({ writeErr: sayPart })
    .exitOverride();
  const name = args.find((arg) => !arg.startsWith("-")) ?? "";
  const loads = Object.hasOwn(COMMANDS, name) ? [COMMANDS[name]!] : Object.values(COMMANDS);
  for (const load of loads) (await load()).register(program);
  assist(program);
  try {
    refuseShortSeed(args);
    await program.parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    return await exitStatus(error);
  }
}

/** Prints an error and returns the exit status: 1 failure; 2 usage, configuration or missing file; 128 + n signal n. */
async function exitStatus(error: unknown): Promise<number> {
  // Commander has already printed its message or the requested help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  const { inFlags } = await import("./flag-names.js");
  const message = error instanceof Error ? error.message : String(error);
  const stack = process.env.DALLE2_DEBUG === "1" && error instanceof Error ? error.stack : undefined;
  say(stack ?? inFlags(error, message));
  if (error instanceof InterruptedError) return error.exitStatus;
  if (!(error instanceof Dalle2Error)) return 1;
  const [subject] = error.code.split("/");
  const status = subject === undefined ? 1 : (STATUSES[error.code] ?? STATUSES[subject] ?? 1);
  // Messages about arguments and configurations already say what to do.
  const advice = status === 1 ? adviceBeside(error) : undefined;
  if (advice !== undefined) say(inFlags(error, advice));
  return status;
}

/** Exit statuses other than 1, by error code or by its part before the slash. */
const STATUSES: Readonly<Record<string, number>> = {
  argument: 2,
  "cli/usage": 2,
  config: 2,
  "file/not-found": 2,
  sampling: 2,
  "server/settings": 2,
};

// `dalle2 … | head` closes standard output early, which is not an error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit(0);
});

hideTokens();
const status = await main(process.argv.slice(2));
// A command that succeeds may have set its own exit status.
if (status !== 0) process.exitCode = status;
