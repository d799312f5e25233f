import type { ServedDevice } from "../jobs/job-runner.js";

/** What a host of models does, for logs and metrics. It has no prompts. */
export type HostEvent =
  | { readonly kind: "device-opened"; readonly device: ServedDevice }
  | { readonly kind: "device-lost"; readonly reason: string }
  | { readonly kind: "model-opened"; readonly model: string; readonly milliseconds: number }
  | { readonly kind: "model-evicted"; readonly model: string }
  | { readonly kind: "batch-done"; readonly model: string; readonly images: number; readonly milliseconds: number }
  | { readonly kind: "warning"; readonly model: string; readonly message: string }
  /** `error` is the whole error, for the server's log. Callers get one without paths of this machine. */
  | { readonly kind: "failure"; readonly model?: string; readonly error: unknown };
