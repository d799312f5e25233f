// What the page says when something went wrong.
import { Dalle2Error } from "dalle2-webgpu";

/** What one button can do about a failure. */
export type Remedy =
  "retry" | "retry-in-f32" | "smaller-batch" | "reopen-device" | "free-storage" | "choose-model" | "shorten-prompt";

/** A failure as it is shown. */
export interface Failure {
  /** Code of the library's error; undefined for other errors. */
  readonly code: string | undefined;
  /** What was wrong, and where. */
  readonly message: string;
  /** What to do; undefined if the message says it. */
  readonly advice: string | undefined;
  /** The action that helps most. */
  readonly remedy: Remedy | undefined;
  /** Bytes that are missing, if storage is full. */
  readonly neededBytes?: number | undefined;
}

const REMEDIES: Readonly<Record<string, Remedy>> = {
  "gpu/device-lost": "reopen-device",
  "gpu/out-of-memory": "smaller-batch",
  "values/not-finite": "retry-in-f32",
  "file/quota": "free-storage",
  "file/no-space": "free-storage",
  "text/too-long": "shorten-prompt",
};

/** Describes whatever was thrown. */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof Dalle2Error)) {
    const message = error instanceof Error ? error.message : String(error);
    return { code: undefined, message, advice: undefined, remedy: "retry" };
  }
  const { code, message, advice } = error;
  const neededBytes = "neededBytes" in error ? Number(error.neededBytes) : undefined;
  const isSaid = message.includes(advice);
  return { code, message, advice: isSaid ? undefined : advice, remedy: REMEDIES[code] ?? "retry", neededBytes };
}
