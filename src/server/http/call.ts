// A call that lasts: it ends when its caller has gone, or when its time is over.
import type { Context } from "hono";
import type { ServerEnv } from "../context.js";
import { ServerError } from "../server-error.js";

/** The signal of a call, and what ends its timer. */
export interface CallSignal {
  readonly signal: AbortSignal;
  /** Call it when the call is answered. */
  readonly end: () => void;
}

/** A signal that is aborted with a `ServerError`: when the caller has gone, or after the deadline. */
export function callSignal(c: Context<ServerEnv>, deadlineMs: number): CallSignal {
  const abort = new AbortController();
  const gone = c.req.raw.signal;
  const leave = () => {
    abort.abort(new ServerError("closed-by-caller", "The caller has gone."));
  };
  if (gone.aborted) leave();
  gone.addEventListener("abort", leave, { once: true });
  const timer = setTimeout(() => {
    const message = `The images were not done within ${Math.round(deadlineMs / 1000)} s, the deadline of this server. Ask for fewer images or fewer steps, or try again later.`;
    abort.abort(new ServerError("deadline", message));
  }, deadlineMs);
  return {
    signal: abort.signal,
    end: () => {
      clearTimeout(timer);
      gone.removeEventListener("abort", leave);
    },
  };
}
