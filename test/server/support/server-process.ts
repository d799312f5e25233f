import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import OpenAI, { type ClientOptions } from "openai";
import { CLI } from "../../support/cli.js";
import { eventually } from "./eventually.js";

/** How a server process is started. */
export interface ServerProcessOptions {
  /** Further arguments of `dalle2 serve`. */
  readonly args?: readonly string[];
  /** Variables of its environment that differ. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Milliseconds until it must be ready. Default: 60 s. */
  readonly readyMs?: number;
}

/** How a process ended. */
export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly milliseconds: number;
}

/** `dalle2 serve` as a process, on a free port of 127.0.0.1. `npm test` builds the command first. */
export class ServerProcess {
  #stderr = "";
  readonly #ended: Promise<Ended>;

  private constructor(
    readonly child: ChildProcess,
    /** `http://127.0.0.1:PORT`. */
    readonly url: string,
  ) {
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.#ended = once(child, "close").then((how: unknown[]) => {
      const [status, signal] = how as [number | null, NodeJS.Signals | null];
      return { status, signal, milliseconds: performance.now() };
    });
  }

  /** Starts a server, and resolves when it is ready. Rejects with what it said if it ends before. */
  static async start({ args = [], env, readyMs = 60_000 }: ServerProcessOptions = {}): Promise<ServerProcess> {
    const child = spawn(process.execPath, [CLI, "serve", "--port", "0", ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, DALLE2_KEYS: "/nonexistent/keys.json", ...env },
    });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
    });
    const url = await new Promise<string>((resolve, reject) => {
      let printed = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => {
        printed += text;
        const [line] = /^http:\/\/.*(?=\n)/m.exec(printed) ?? [];
        if (line !== undefined) resolve(line);
      });
      child.once("close", (status) => {
        reject(new Error(`dalle2 serve ended with status ${status ?? "none"}: ${said}`));
      });
    });
    const server = new ServerProcess(child, url);
    server.#stderr = said;
    await eventually(async () => {
      const { ok, status } = await fetch(`${url}/readyz`);
      if (!ok) throw new Error(`The server is not ready: ${status}. ${server.stderr}`);
    }, readyMs);
    return server;
  }

  /** What it wrote on standard error: its log. */
  get stderr(): string {
    return this.#stderr;
  }

  /** OpenAI's client for it. It does not repeat requests unless it is told to. */
  client(options: ClientOptions = {}): OpenAI {
    return new OpenAI({ baseURL: `${this.url}/v1`, apiKey: "none", maxRetries: 0, ...options });
  }

  /** Sends a signal, waits for its end, and says how long that took. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Ended> {
    const start = performance.now();
    this.child.kill(signal);
    const ended = await this.#ended;
    return { ...ended, milliseconds: ended.milliseconds - start };
  }
}
