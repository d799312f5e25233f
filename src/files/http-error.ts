import { FileError } from "../platform/errors.js";
import { hideSecrets } from "../platform/secrets.js";
import { isOnHub, TOKEN_VARIABLES, tokenVariable } from "./hub.js";

/** What may pass when it is tried again: no connection, a busy server, an answer that breaks off or stands still. */
export class TransientError extends FileError {
  readonly retryAfter: number | undefined;
  /** What happened, without advice. */
  readonly problem: string;

  constructor(
    location: string,
    problem: string,
    options: ErrorOptions & {
      /** Milliseconds that the server asks to wait for. */
      readonly retryAfter?: number | undefined;
      /** What to do when all attempts have failed. */
      readonly advice?: string;
    } = {},
  ) {
    super(location, options.advice === undefined ? problem : `${problem}; ${options.advice}`, options);
    this.retryAfter = options.retryAfter;
    this.problem = hideSecrets(problem);
  }
}

const PASSING_STATUSES: ReadonlySet<number> = new Set([408, 425, 429]);

/** What a status that is no success means, and what to do about it. */
export function statusError(url: string, { status, headers }: Response): FileError {
  if (status >= 500 || PASSING_STATUSES.has(status)) {
    const seconds = Number(headers.get("retry-after") ?? NaN);
    const retryAfter = Number.isFinite(seconds) ? 1000 * seconds : undefined;
    const problem = status === 429 ? "the server takes no more requests for now" : "the server failed";
    return new TransientError(url, `${problem} (HTTP status ${status})`, { retryAfter, advice: "try again later" });
  }
  return new FileError(url, statusProblem(url, status));
}

function statusProblem(url: string, status: number): string {
  if (status === 404 || status === 410)
    return `the server has no such file (HTTP status ${status}); check the address, and whether it was moved`;
  if (status !== 401 && status !== 403) return `HTTP status ${status}`;
  const refused = `the server refuses access (HTTP status ${status})`;
  if (!isOnHub(url)) return `${refused}; download it by other means and give its path`;
  const terms = "accept the terms of use on the model's page where it has any";
  const variable = tokenVariable();
  if (variable !== undefined) return `${refused} to the token of ${variable}; ${terms}`;
  return `${refused}, or has no such file: set ${TOKEN_VARIABLES[0]} to a token of an account that may read it, and ${terms}`;
}
