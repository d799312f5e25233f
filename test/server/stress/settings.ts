// What a test and the server in its process say to each other.
import type { ConnectionLimits } from "../../../src/server/guard/http-server.js";
import type { FakeCall } from "../support/fake-device.js";

/** How a server in a process is set up. What is absent is the server's default. */
export interface StressSettings {
  readonly keysFile: string;
  readonly maxWaitingJobs?: number;
  readonly maxBatchSize?: number;
  /** Sampling steps of an image, and the milliseconds of each. */
  readonly steps: number;
  readonly stepMs: number;
  readonly maxBodyBytes: number;
  readonly maxBodyBytesAtOnce: number;
  /** Of an uploaded image. */
  readonly maxPixels: number;
  readonly maxPixelsAtOnce?: number;
  readonly maxOutputPixels?: number;
  readonly deadlineMs?: number;
  readonly connections?: Partial<ConnectionLimits>;
}

/** What a server says of itself when it is asked. */
export interface StressReport {
  /** Resident bytes of the process. */
  readonly rssBytes: number;
  /** Bytes that JavaScript holds after a collection: objects and buffers. */
  readonly heldBytes: number;
  readonly waitingJobs: number;
  readonly runningJobs: number;
  /** The largest number of jobs that waited. */
  readonly mostWaitingJobs: number;
  /** What was computed since the report before. */
  readonly calls: readonly Pick<FakeCall, "prompts" | "seeds">[];
  /** Lines of the log about errors since the report before, the first ones. */
  readonly errors: readonly string[];
}

/** To the process: to report, or to take another time for a sampling step. */
export type StressOrder = { readonly kind: "report" } | { readonly kind: "slow"; readonly stepMs: number };

/** From the process. */
export type StressMessage =
  { readonly kind: "ready"; readonly url: string } | { readonly kind: "report"; readonly report: StressReport };
