import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { build } from "esbuild";
import { changeKeys, type StoredKey } from "../../../src/server/guard/keys-file.js";
import { hashOfToken, newToken } from "../../../src/server/guard/tokens.js";
import type { StressMessage, StressOrder, StressReport, StressSettings } from "./settings.js";

/** Limits of keys that are never reached. */
const NO_LIMITS = {
  requestsPerMinute: 10_000_000,
  imagesPerHour: 1_000_000_000,
  uploadBytesPerHour: 2 ** 45,
  imagesPerRequest: 10,
};

/** How a server is started: its settings, and the names of its keys. */
export interface StressOptions extends Omit<StressSettings, "keysFile"> {
  readonly keys: readonly string[];
  /** Requests of a key at the same time. Default: any number. */
  readonly concurrentRequests?: number;
}

/** The server of `program.ts` in a process of its own. */
export class StressServer implements AsyncDisposable {
  #stderr = "";
  #exit: string | undefined;

  private constructor(
    private readonly child: ChildProcess,
    private readonly folder: string,
    readonly url: string,
    /** The token of each key, by its name. */
    readonly tokens: ReadonlyMap<string, string>,
  ) {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    child.once("exit", (status, signal) => (this.#exit = String(signal ?? status)));
  }

  /** Starts a server. The working directory must be the repository. */
  static async start({ keys, concurrentRequests, ...settings }: StressOptions): Promise<StressServer> {
    // Inside the repository, so that packages are found.
    await mkdir(".cache", { recursive: true });
    const folder = await mkdtemp(join(process.cwd(), ".cache", "stress-"));
    const keysFile = join(folder, "keys.json");
    const tokens = await writeKeys(keysFile, keys, concurrentRequests);
    const program = await bundle(folder);
    const argument = JSON.stringify({ ...settings, keysFile } satisfies StressSettings);
    const child = spawn(process.execPath, ["--enable-source-maps", "--expose-gc", program, argument], {
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    let said = "";
    child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
    const first = await Promise.race([once(child, "message"), once(child, "exit")]);
    const message = first[0] as StressMessage | number | null;
    if (typeof message !== "object" || message?.kind !== "ready") throw new Error(`The server ended: ${said}`);
    return new StressServer(child, folder, message.url, tokens);
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  /** What became of the process, if it ended by itself; what it wrote to standard error. */
  get crash(): string | undefined {
    return this.#exit === undefined ? undefined : `The server ended with ${this.#exit}: ${this.#stderr.slice(-4000)}`;
  }

  /** What it wrote to standard error, beside its log. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Sampling steps take so many milliseconds from now on. */
  slow(stepMs: number): void {
    this.#order({ kind: "slow", stepMs });
  }

  #order(order: StressOrder): void {
    this.child.send(order);
  }

  async report(): Promise<StressReport> {
    if (this.crash !== undefined) throw new Error(this.crash);
    this.#order({ kind: "report" });
    const exit = once(this.child, "exit");
    const [message] = (await Promise.race([once(this.child, "message"), exit])) as [StressMessage | number | null];
    if (typeof message !== "object" || !message) throw new Error(this.crash);
    if (message.kind !== "report") throw new Error(`The server says ${message.kind}.`);
    return message.report;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#exit === undefined) {
      const exit = once(this.child, "exit");
      this.child.kill("SIGKILL");
      await exit;
    }
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function bundle(folder: string): Promise<string> {
  await build({
    entryPoints: ["test/server/stress/program.ts"],
    outdir: folder,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    alias: { "#platform": "./src/platform/node.ts" },
    sourcemap: true,
    logLevel: "silent",
  });
  return join(folder, "program.js");
}

/** Writes a file of keys and returns their tokens by name. */
async function writeKeys(
  path: string,
  names: readonly string[],
  concurrentRequests = 10_000,
): Promise<ReadonlyMap<string, string>> {
  const tokens = new Map<string, string>();
  const stored = names.map((name): StoredKey => {
    const { id, token } = newToken();
    tokens.set(name, token);
    const created = new Date().toISOString();
    return { id, name, sha256: hashOfToken(token), limits: { ...NO_LIMITS, concurrentRequests }, created };
  });
  await changeKeys(path, () => stored);
  return tokens;
}
