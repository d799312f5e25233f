import { spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import type { ImageReport } from "../../src/cli/generating/image-output.js";
import { removeAlpha, type RgbImage } from "../../src/image/image.js";
import { decodeImage } from "../../src/platform/node.js";

/** The built command; `npm test` builds it first. */
export const CLI = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));

/** Runs the command to its end. Each line of `input` answers a question. */
export function dalle2(args: readonly string[], input = "", env: Readonly<Record<string, string>> = {}) {
  return spawnSync(process.execPath, [CLI, ...args], {
    encoding: "utf8",
    input,
    env: { ...process.env, ...env },
    maxBuffer: 2 ** 26,
  });
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  readonly input?: string;
  /** Milliseconds after which the command is killed. Its status is then null. */
  readonly timeout?: number;
}

/** Runs the command without blocking this process, so that a server in this process can answer it. */
export async function dalle2Beside(args: readonly string[], { env, cwd, input = "", timeout }: RunOptions = {}) {
  const child = spawn(process.execPath, [CLI, ...args], {
    stdio: "pipe",
    cwd,
    env: { ...process.env, ...env },
    timeout,
  });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      said[name] += chunk;
    });
  }
  // A command may end without reading its input.
  child.stdin.on("error", () => undefined).end(input);
  const [status] = (await once(child, "close")) as [number | null];
  return { status, ...said };
}

/** Runs a command with `--json` and returns its image reports. Fails unless its status is 0. */
export function generated(args: readonly string[], input = ""): ImageReport[] {
  const { status, stdout, stderr } = dalle2([...args, "--json"], input);
  expect(status, stderr).toBe(0);
  return JSON.parse(stdout) as ImageReport[];
}

/** The pixels of an image file. */
export async function readImage(file: string): Promise<RgbImage> {
  return removeAlpha(await decodeImage(readFileSync(file)));
}

/** Runs the command, sends it a signal when it prints `cue`, and returns how it ended. */
export async function interrupted(args: readonly string[], cue: RegExp, signal: NodeJS.Signals = "SIGINT") {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: "pipe" });
  const said = { stdout: "", stderr: "" };
  let sent = false;
  for (const name of ["stdout", "stderr"] as const) {
    child[name].on("data", (chunk: Buffer) => {
      said[name] += chunk.toString();
      if (sent || !cue.test(said[name])) return;
      sent = child.kill(signal);
    });
  }
  const [status] = (await once(child, "close")) as [number | null];
  return { status, ...said };
}
