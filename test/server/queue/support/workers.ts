import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { ImageRequest } from "../../../../src/requests/request.js";
import type { FinishedImage, Job, JobEvents } from "../../../../src/server/jobs/job.js";
import type { WorkerArguments } from "./worker-process.js";

const root = fileURLToPath(new URL("../../../..", import.meta.url));

/** Bundles worker-process.ts, beside the packages that it needs. */
export class WorkerProgram {
  readonly #folder = join(root, ".cache", `queue-test-${process.pid}`);
  readonly #processes: WorkerProcess[] = [];

  async build(): Promise<void> {
    mkdirSync(this.#folder, { recursive: true });
    await build({
      absWorkingDir: root,
      entryPoints: ["test/server/queue/support/worker-process.ts"],
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      alias: { "#platform": "./src/platform/node.ts" },
      packages: "external",
      outfile: this.#script,
      logLevel: "silent",
    });
  }

  get #script(): string {
    return join(this.#folder, "worker.mjs");
  }

  /** Starts a worker and waits until it takes jobs. */
  async start(args: WorkerArguments): Promise<WorkerProcess> {
    const worker = new WorkerProcess(this.#script, args);
    this.#processes.push(worker);
    await worker.ready();
    return worker;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((worker) => worker.end("SIGKILL")));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A worker in a process of its own. */
export class WorkerProcess {
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  readonly #listeners = new Set<() => void>();
  /** Ids of the jobs that it began. */
  readonly started: string[] = [];
  errors = "";

  constructor(script: string, args: WorkerArguments) {
    this.#child = spawn(process.execPath, [script, JSON.stringify(args)], { stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    let isReady: () => void = () => undefined;
    this.#ready = new Promise((resolve, reject) => {
      isReady = resolve;
      this.#child.once("exit", () => {
        reject(new Error(`the worker ended: ${this.errors}`));
      });
    });
    this.#ready.catch(() => undefined);
    this.#child.stdout!.on("data", (chunk: Buffer) => {
      const lines = (text + chunk.toString()).split("\n");
      text = lines.pop()!;
      for (const line of lines) {
        if (line === "ready") isReady();
        else this.started.push(line.replace("start ", ""));
      }
      for (const listener of this.#listeners) listener();
    });
    this.#child.stderr!.on("data", (chunk: Buffer) => (this.errors += chunk.toString()));
  }

  async ready(): Promise<void> {
    await this.#ready;
  }

  /** Waits until it begins a job. */
  async begins(count: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = () => {
        if (this.started.length < count) return;
        this.#listeners.delete(look);
        resolve();
      };
      this.#listeners.add(look);
      look();
    });
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Sends a signal and waits for the end. Returns the exit status; null if the signal ended it. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    if (this.isRunning) {
      const exit = once(this.#child, "exit");
      this.#child.kill(signal);
      await exit;
    }
    return this.#child.exitCode;
  }
}

/** A request for images. */
export function requestOf(prompt: string, { count = 1, seed = 1 } = {}): ImageRequest {
  return { parameters: { task: "create", prompts: [prompt], count, seed, prior: {}, unets: [] }, images: [] };
}

/** A job that tells nobody. */
export function jobOf(id: string, options: Partial<Omit<Job, "id">> = {}): Job {
  const { request = requestOf(id), model = "shapes", owner = "someone", events = {}, signal, previewEvery } = options;
  return { id, model, owner, request, signal: signal ?? new AbortController().signal, events, previewEvery };
}

/** Keeps what happens to a job. */
export class Recorder {
  readonly stages: string[] = [];
  readonly steps: number[] = [];
  readonly previews: number[] = [];
  readonly images: FinishedImage[] = [];

  readonly events: JobEvents = {
    onStage: ({ stage }) => this.stages.push(stage),
    onProgress: ({ step }) => this.steps.push(step),
    onPreview: ({ data }, index) => this.previews.push(index + data.length * 0),
    onImage: (image) => this.images.push(image),
  };
}
