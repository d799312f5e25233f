import { fork, type ChildProcess } from "node:child_process";
import process from "node:process";
import type { Job } from "./job.js";

/** The last characters on a process's standard error. */
const TAIL = 2000;

/** A process that runs inputs. */
export class Child {
  readonly process: ChildProcess;
  /** Resolves when it has ended, with the cause of death; undefined if it ended normally. */
  readonly end: Promise<string | undefined>;
  #errors = "";

  constructor(script: string, job: Job) {
    this.process = fork(script, [JSON.stringify(job)], {
      execArgv: ["--enable-source-maps", "--max-old-space-size=1024"],
      serialization: "advanced",
      stdio: ["ignore", "ignore", "pipe", "ipc"],
      // A secret that targets must not leak.
      env: { ...process.env, HF_TOKEN: "hf_secret" },
    });
    this.process.stderr!.on("data", (text: Buffer) => (this.#errors = (this.#errors + String(text)).slice(-TAIL)));
    this.end = new Promise((resolve) => {
      this.process.once("close", (code, signal) => {
        resolve(code === 0 ? undefined : `${signal ?? `exit status ${code ?? "none"}`}\n${this.#errors}`.trim());
      });
    });
  }
}
