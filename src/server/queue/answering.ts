import { setTimeout as pause } from "node:timers/promises";
import { ServerError } from "../server-error.js";

/** How long an answer of Redis may take. */
const ANSWER_MS = 3000;
/** Seconds after which a caller may try again. */
const RETRY_SECONDS = 5;

/** Rejects with `ServerError` if there is no answer in time: commands wait for a lost connection without end. */
export async function answered<Answer>(answer: Promise<Answer>): Promise<Answer> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      answer,
      pause(ANSWER_MS, undefined, { signal: timer.signal }).then(() => {
        throw unreachable();
      }),
    ]);
  } finally {
    timer.abort();
    answer.catch(() => undefined);
  }
}

/** Redis does not answer. */
export function unreachable(): ServerError {
  return new ServerError("no-worker", "The queue cannot be reached. Try again later.", { retryAfter: RETRY_SECONDS });
}

/** This server takes no more jobs. */
export function closing(): ServerError {
  return new ServerError("closing", "The server is closing. Try again later.", { retryAfter: RETRY_SECONDS });
}
