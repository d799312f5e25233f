import type { Guard } from "../guard/types.js";
import type { Observe } from "../observe/types.js";
import type { Results } from "../results/types.js";
import type { JobRunner } from "../jobs/job-runner.js";

/** What the routes are told by the flags of `dalle2 serve`. */
export interface ServerSettings {
  /** Where callers reach the server, for URLs of results. Default: as the request names it. */
  readonly publicUrl?: string | undefined;
  /** Milliseconds from a request to its images. What is not done then is aborted. */
  readonly deadlineMs: number;
  /** Most pixels of an image whose size a request asks for. */
  readonly maxOutputPixels: number;
  /** Pixels of all images that requests brought and that are not done yet. */
  readonly maxPixelsAtOnce: number;
  /** Bytes of a text or a number in a form. */
  readonly maxFieldBytes: number;
  /** Fields and files of a form. */
  readonly maxFields: number;
  /** Milliseconds between two signs of life in a stream of events. */
  readonly heartbeatMs: number;
}

/** Values of settings that are not given: safe for strangers. */
export const DEFAULT_SETTINGS: ServerSettings = {
  deadlineMs: 10 * 60_000,
  maxOutputPixels: 2048 * 2048,
  maxPixelsAtOnce: 2 ** 27,
  maxFieldBytes: 128 * 1024,
  maxFields: 64,
  heartbeatMs: 15_000,
};

/** Where the files of the app are. */
export interface PageFiles {
  /** The folder of the built app. */
  readonly page: string;
  /** The folder `configs` of the package. */
  readonly configs: string;
}

/** What a server is made of. */
export interface ServerParts {
  readonly runner: JobRunner;
  readonly guard: Guard;
  readonly results: Results;
  readonly observe: Observe;
  readonly settings: ServerSettings;
  /** The files of the app. Absent: no page. */
  readonly page?: PageFiles | undefined;
}
