import { Child } from "./child.js";
import type { Fault, Limits, Verdict } from "./job.js";

/** Runs single inputs of a target in a separate process, which is started again if an input kills it. */
export class Candidates {
  #child: Child | undefined;

  constructor(
    private readonly script: string,
    private readonly target: string,
    private readonly limits: Limits,
  ) {}

  async verdict(input: Uint8Array): Promise<Verdict> {
    const child = (this.#child ??= await this.#start());
    const answer = new Promise<Verdict>((resolve) =>
      child.process.once("message", resolve as (message: unknown) => void),
    );
    child.process.send(input);
    const death = child.end.then((detail = "it ended the process"): Verdict => {
      this.#child = undefined;
      return { outcome: "failed", fault: deathFault(detail), milliseconds: 0 };
    });
    const verdict = await Promise.race([answer, death]);
    // Its memory has grown and stays large.
    if (verdict.fault?.kind === "memory") this.close();
    return verdict;
  }

  close(): void {
    this.#child?.process.kill("SIGKILL");
    this.#child = undefined;
  }

  async #start(): Promise<Child> {
    const child = new Child(this.script, { kind: "serve", target: this.target, limits: this.limits });
    await Promise.race([new Promise((resolve) => child.process.once("message", resolve)), child.end]);
    return child;
  }
}

/** The watchdog kills with a signal that nothing else here uses. Node uses another one when it is out of memory. */
export function deathFault(detail: string): Fault {
  const kind = detail.startsWith("SIGKILL") ? "hang" : "crash";
  return { kind, signature: kind, detail };
}
