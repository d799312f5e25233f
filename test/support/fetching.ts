import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { RemoteFile } from "../../src/files/remote-options.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Bundles fetch-child.ts into `folder` for a platform (`src/platform/node.ts`). Returns the script's path. */
export async function bundleFetching(folder: string, platform: string): Promise<string> {
  const outfile = join(folder, `${platform.replaceAll(/\W/g, "-")}.mjs`);
  await build({
    absWorkingDir: root,
    entryPoints: ["test/support/fetch-child.ts"],
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    alias: { "#platform": `./${platform}` },
    external: ["webgpu", "sharp"],
    outfile,
    logLevel: "silent",
  });
  return outfile;
}

/** A process that fetches one file. */
export class Fetching {
  #output = "";
  #errors = "";
  readonly #child: ChildProcess;
  readonly #ready: Promise<unknown>;
  readonly #exit: Promise<unknown>;

  constructor(script: string, file: RemoteFile, env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, [script, JSON.stringify(file)], { env: { ...process.env, ...env } });
    this.#child.stdout!.on("data", (text: Buffer) => (this.#output += String(text)));
    this.#child.stderr!.on("data", (text: Buffer) => (this.#errors += String(text)));
    // Killing a process closes its input.
    this.#child.stdin!.on("error", () => undefined);
    this.#ready = once(this.#child.stdout!, "data");
    this.#exit = once(this.#child, "close");
  }

  /** Starts the fetch; the process has only loaded until then. */
  async begin(): Promise<void> {
    await this.#ready;
    this.#child.stdin!.write("go\n");
  }

  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Waits for its end. Returns the SHA-256 of the content, or the signal that killed it. Throws if it failed by itself. */
  async end(): Promise<{ readonly sha256: string } | { readonly signal: NodeJS.Signals }> {
    await this.#exit;
    const { exitCode, signalCode } = this.#child;
    if (signalCode !== null) return { signal: signalCode };
    if (exitCode !== 0) throw new Error(`the process failed: ${this.#errors}`);
    return { sha256: this.#output.replace("ready\n", "") };
  }
}
