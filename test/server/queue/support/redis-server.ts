import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** A real redis-server on a free port of this machine. */
export class RedisServer {
  #process: ChildProcess | undefined;

  private constructor(
    readonly port: number,
    private readonly folder: string,
    private readonly options: readonly string[],
  ) {}

  /** `options` are those of redis-server. By default nothing is kept on disk. */
  static async start(options: readonly string[] = []): Promise<RedisServer> {
    const server = new RedisServer(await freePort(), mkdtempSync(join(tmpdir(), "dalle2-redis-")), options);
    await server.restart();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Ends it at once, as a crash does. */
  async kill(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    if (process?.exitCode !== null || !process.kill("SIGKILL")) return;
    await once(process, "exit");
  }

  /** Stops it without ending it: its connections stay, and nothing is answered. */
  freeze(): void {
    this.#process?.kill("SIGSTOP");
  }

  /** Goes on after `freeze`. */
  thaw(): void {
    this.#process?.kill("SIGCONT");
  }

  /** Starts it again, on the same port, with what is on disk. */
  async restart(): Promise<void> {
    const place = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.folder];
    this.#process = spawn("redis-server", [...place, "--save", "", "--appendonly", "no", ...this.options], {
      stdio: "ignore",
    });
    for (let attempt = 0; ; attempt++) {
      if (await answers(this.port)) return;
      if (attempt === 200) throw new Error("redis-server did not start");
      await pause(25);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = createConnection({ port, host: "127.0.0.1" });
  try {
    await once(socket, "connect");
    socket.write("PING\r\n");
    const [answer] = (await once(socket, "data")) as [Buffer];
    // Not while it still reads its files.
    return /PONG|NOAUTH/.test(answer.toString());
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** A port of this machine that is free now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
