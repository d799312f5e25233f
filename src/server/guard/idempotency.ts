import { createHash } from "node:crypto";
import type { ImageRequest } from "../../requests/request.js";
import type { FinishedImage } from "../jobs/job.js";
import { ServerError } from "../server-error.js";
import type { FileStore } from "../results/types.js";
import { KeptImages, type KeptCall } from "./kept-images.js";
import { RunningCall } from "./shared-job.js";
import type { Idempotency, RepeatableCall, RepeatableResult, SharedJob } from "./types.js";

/** What the results of repeatable requests need. */
export interface IdempotencyOptions {
  readonly store: FileStore;
  /** Hears that results cannot be kept or read. The request is answered nevertheless. */
  readonly onWarning: (message: string) => void;
  readonly now: () => number;
}

/** As at Stripe, whose API others follow here. */
const MAX_KEY_LENGTH = 255;

/**
 * A text that differs for requests that ask for different things. Of a form with files, take what was parsed: the body as it was
 * sent has other bytes each time.
 */
export function fingerprint(parts: readonly (string | Uint8Array)[]): string {
  const hash = createHash("sha256");
  for (const part of parts) {
    const bytes = typeof part === "string" ? new TextEncoder().encode(part) : part;
    hash.update(`${typeof part === "string" ? "text" : "bytes"} ${bytes.byteLength}\n`).update(bytes);
  }
  return hash.digest("hex");
}

/** The fingerprint of a request. Of a request that names no seed, fill in the one of `Idempotency.identity` first. */
export function fingerprintOfRequest(model: string, request: ImageRequest): string {
  const { parameters, images, imageNames = [], mask, hint, hintName } = request;
  const sizes = images.map(({ width, height }) => [width, height]);
  const ofHint = hint ? [[hint.width, hint.height, hintName]] : [];
  const facts = JSON.stringify([model, parameters, sizes, imageNames, mask !== undefined, ...ofHint]);
  const files = [...images.map(({ data }) => data), ...(mask ? [mask] : []), ...(hint ? [hint.data] : [])];
  return fingerprint([facts, ...files]);
}

/** Makes what answers repeated requests. */
export function createIdempotency(options: IdempotencyOptions): Idempotency {
  const calls = new RepeatableCalls(options);
  return {
    keyOf: (c) => {
      const key = c.req.header("idempotency-key");
      if (key === undefined) return undefined;
      if (key !== "" && key.length <= MAX_KEY_LENGTH) return key;
      const message = `the header Idempotency-Key must have 1 to ${MAX_KEY_LENGTH} characters`;
      throw new ServerError("bad-request", message, { param: "Idempotency-Key" });
    },
    identity: (owner, key) => {
      const hash = createHash("sha256").update(`${owner.id}\n${key}`).digest();
      return { id: `job-${hash.toString("hex", 0, 16)}`, seed: hash.readUInt32BE(16) };
    },
    run(call, start) {
      return calls.run(this.identity(call.owner, call.key).id, call, start);
    },
  };
}

type Start = (job: SharedJob) => Promise<readonly FinishedImage[]>;

class RepeatableCalls {
  readonly #running = new Map<string, RunningCall>();
  readonly #kept: KeptImages;

  constructor(private readonly options: IdempotencyOptions) {
    this.#kept = new KeptImages(options.store, options.now);
  }

  async run(id: string, call: RepeatableCall, start: Start): Promise<RepeatableResult> {
    for (;;) {
      const running = this.#running.get(id);
      if (!running) break;
      if (running.fingerprint !== call.fingerprint) throw conflict();
      if (!running.isAborted) return { ...(await running.wait(call)), isRepeat: true };
      // Its callers have gone. The job gets the same id again, so it has to end first.
      await running.ended;
    }
    call.signal.throwIfAborted();
    const first = new RunningCall(call.fingerprint, id, (job) => this.#resultOf(call.fingerprint, job, start));
    this.#running.set(id, first);
    void first.ended.then(() => this.#running.delete(id));
    return first.wait(call);
  }

  async #resultOf(fingerprint: string, job: SharedJob, start: Start): Promise<RepeatableResult> {
    const kept = await this.#read(job.id);
    if (kept && kept.fingerprint !== fingerprint) throw conflict();
    if (kept?.images) return { images: kept.images, isRepeat: true };
    await this.#trying(() => this.#kept.begin(job.id, fingerprint));
    try {
      const images = await start(job);
      await this.#trying(() => this.#kept.finish(job.id, fingerprint, images));
      return { images, isRepeat: false };
    } catch (error) {
      await this.#trying(() => this.#kept.forget(job.id));
      throw error;
    }
  }

  async #read(id: string): Promise<KeptCall | undefined> {
    let kept: KeptCall | undefined;
    await this.#trying(async () => {
      kept = await this.#kept.read(id);
    });
    return kept;
  }

  /** A store that fails takes nobody's image away. */
  async #trying(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.options.onWarning(
        `results of repeatable requests: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }
}

function conflict(): ServerError {
  return new ServerError(
    "conflict",
    "this Idempotency-Key belongs to an earlier request that asked for something else",
    {
      param: "Idempotency-Key",
    },
  );
}
