import { refusedFileAdvice } from "#platform";
import type { Dalle2ErrorOptions } from "../platform/dalle2-error.js";
import { FileError } from "../platform/errors.js";
import { hideSecrets } from "../platform/secrets.js";
import { isOnHub, tokenAdvice, tokenVariable } from "./hub.js";

/** A failure that may be temporary: no connection, a busy server, a response that ends early or stalls. */
export class TransientError extends FileError {
  static override readonly code = "file/transient";
  override readonly name = "TransientError";
  /** Milliseconds that the server asks to wait for; undefined where it does not say. */
  readonly retryAfter: number | undefined;
  /** What happened, without advice. */
  readonly problem: string;
  /** No answer came at all: the server's name is not known, it refuses connections, or is silent. */
  readonly isUnreachable: boolean;

  static {
    this.register(this);
  }

  constructor(
    location: string,
    problem: string,
    /** `advice` is what to do if all attempts fail. `retryAfter` is the wait that the server asks for, in milliseconds. */
    {
      retryAfter,
      isUnreachable = false,
      ...options
    }: Omit<Dalle2ErrorOptions, "code"> & {
      readonly retryAfter?: number | undefined;
      readonly isUnreachable?: boolean | undefined;
    } = {},
  ) {
    super(location, problem, options);
    this.retryAfter = retryAfter;
    this.isUnreachable = isUnreachable;
    this.problem = hideSecrets(problem);
  }
}

const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** The error for an unsuccessful HTTP status. */
export function statusError(url: string, { status, headers }: Response): FileError {
  if (status >= 500 || PASSING_STATUSES.has(status)) {
    const seconds = Number(headers.get("retry-after") ?? NaN);
    const retryAfter = Number.isFinite(seconds) ? 1000 * seconds : undefined;
    const problem = status === 429 ? "the server accepts no more requests for now" : "the server failed";
    return new TransientError(url, `${problem} (HTTP status ${status})`, { retryAfter, advice: "try again later" });
  }
  if (status === 401 || status === 403) return refusal(url, status);
  if (status !== 404 && status !== 410) return new FileError(url, `HTTP status ${status}`);
  return new FileError(url, `the server has no such file (HTTP status ${status})`, {
    code: "file/not-found",
    advice: "check the URL; the file may have been moved",
  });
}

function refusal(url: string, status: number): FileError {
  const refused = `the server refused access (HTTP status ${status})`;
  const error = (problem: string, advice: string) =>
    new FileError(url, problem, { code: "file/access-refused", advice });
  if (!isOnHub(url)) return error(refused, refusedFileAdvice);
  const terms = "accept the terms of use on the model's page if it has any";
  const variable = tokenVariable();
  if (variable !== undefined) return error(`${refused} with the token in ${variable}`, terms);
  return error(`${refused}, or has no such file`, `${tokenAdvice()}, and ${terms}`);
}
