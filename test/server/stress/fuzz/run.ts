// Mutated requests of many clients at once, and what the server has lost by them.
import { Random } from "../../../fuzz/random.js";
import { StressServer } from "../server.js";
import type { StressReport } from "../settings.js";
import { deliver, randomManner, type Manner } from "./delivery.js";
import { imageFiles } from "./images.js";
import { judge } from "./judge.js";
import { probe, PROBE } from "./probe.js";
import { requestBytes, type RequestParts } from "./requests.js";

/** What is sent. */
export interface FuzzPlan {
  readonly requests: number;
  readonly seed: number;
  /** Seconds after which no more are sent. Default: no limit. */
  readonly seconds?: number;
  /** This request alone. */
  readonly only?: number | undefined;
}

/** What became of it. */
export interface FuzzResult {
  readonly sent: number;
  /** Requests by what became of them. */
  readonly outcomes: ReadonlyMap<string, number>;
  readonly manners: ReadonlyMap<Manner, number>;
  /** What must not happen, with the number of the request; at most `MAX_FINDINGS`. */
  readonly findings: readonly string[];
  /** After each of `PARTS` equal parts. */
  readonly reports: readonly StressReport[];
  readonly seconds: number;
}

/** Between them, nothing is on its way, and the memory is measured. */
const PARTS = 5;
const CONNECTIONS = 24;
const MAX_FINDINGS = 50;

/** Bounds so small that requests reach them, and timeouts so short that silent clients do. */
const SETTINGS = {
  steps: 1,
  stepMs: 0,
  ...PROBE,
  maxOutputPixels: 2 ** 14,
  deadlineMs: 20_000,
  connections: { headersMs: 1000, requestMs: 2000, keepAliveMs: 1000, stalledMs: 5000 },
} as const;

/** Runs the requests against a server of its own. */
export async function runFuzz(plan: FuzzPlan): Promise<FuzzResult> {
  await using server = await StressServer.start({ ...SETTINGS, keys: ["fuzz"] });
  const token = server.tokens.get("fuzz")!;
  const parts: RequestParts = { token, images: await imageFiles(), maxBodyBytes: SETTINGS.maxBodyBytes };
  return await new Fuzz(server, parts, plan).run();
}

class Fuzz {
  readonly #outcomes = new Map<string, number>();
  readonly #manners = new Map<Manner, number>();
  readonly #findings: string[] = [];
  #sent = 0;

  constructor(
    private readonly server: StressServer,
    private readonly parts: RequestParts,
    private readonly plan: FuzzPlan,
  ) {}

  async run(): Promise<FuzzResult> {
    const { requests, only, seconds = Infinity } = this.plan;
    const start = performance.now();
    const end = start + seconds * 1000;
    const reports: StressReport[] = [];
    for (let part = 0; part < PARTS; part++) {
      if (only !== undefined) await this.#one(only);
      else await this.#send(Math.ceil((requests * part) / PARTS), Math.ceil((requests * (part + 1)) / PARTS), end);
      reports.push(await this.#report());
    }
    // Warms what the probe alone needs, and says what was lost.
    const lost = this.server.crash ?? (await probe(this.server, this.parts.token));
    if (lost !== undefined) this.#findings.push(`afterwards: ${lost}`);
    if (this.server.stderr !== "") this.#findings.push(`standard error: ${this.server.stderr.slice(0, 2000)}`);
    return {
      sent: this.#sent,
      outcomes: this.#outcomes,
      manners: this.#manners,
      findings: this.#findings,
      reports,
      seconds: (performance.now() - start) / 1000,
    };
  }

  async #report(): Promise<StressReport> {
    const report = await this.server.report();
    for (const line of report.errors) this.#find(`the log: ${line}`);
    return report;
  }

  /** Sends the requests of some numbers over many connections. */
  async #send(from: number, to: number, end: number): Promise<void> {
    let next = from;
    const work = async (): Promise<void> => {
      while (next < to && performance.now() < end && this.server.crash === undefined) await this.#one(next++);
    };
    await Promise.all(Array.from({ length: CONNECTIONS }, work));
  }

  async #one(number: number): Promise<void> {
    const random = new Random("server", this.plan.seed, number);
    const bytes = requestBytes(this.parts, random);
    const manner = randomManner(random);
    const delivery = await deliver(this.server.port, bytes, manner, random);
    const { outcome, fault } = judge(bytes, delivery);
    this.#sent++;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    this.#manners.set(manner, (this.#manners.get(manner) ?? 0) + 1);
    if (fault !== undefined) this.#find(`--seed ${this.plan.seed} --only ${number} (${manner}): ${fault}`);
  }

  #find(finding: string): void {
    if (this.#findings.length < MAX_FINDINGS) this.#findings.push(finding);
  }
}
