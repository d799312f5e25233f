/** What can be wrong with a call of the server, with the HTTP status that says it. */
export const SERVER_ERRORS = {
  "bad-request": 400,
  "not-authenticated": 401,
  "not-allowed": 403,
  "not-found": 404,
  "unknown-model": 404,
  "wrong-method": 405,
  conflict: 409,
  "too-large": 413,
  "wrong-type": 415,
  unprocessable: 422,
  "rate-limit": 429,
  "closed-by-caller": 499,
  failed: 500,
  "model-failed": 500,
  "queue-full": 503,
  "no-worker": 503,
  closing: 503,
  deadline: 504,
} as const;
/** A key of `SERVER_ERRORS`. Codes are stable, so programs can test them. */
export type ServerErrorCode = keyof typeof SERVER_ERRORS;

/** Options of `ServerError`. */
export interface ServerErrorOptions extends ErrorOptions {
  /** Name of the parameter that is wrong. */
  readonly param?: string | undefined;
  /** Seconds after which the call may succeed. */
  readonly retryAfter?: number | undefined;
}

/** A call of the server cannot be answered. Its message is for the caller: it has no path and no secret of the server. */
export class ServerError extends Error {
  override readonly name = "ServerError";
  readonly param: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(
    readonly code: ServerErrorCode,
    message: string,
    { param, retryAfter, ...options }: ServerErrorOptions = {},
  ) {
    super(message, options);
    this.param = param;
    this.retryAfter = retryAfter;
  }

  /** The HTTP status. */
  get status(): (typeof SERVER_ERRORS)[ServerErrorCode] {
    return SERVER_ERRORS[this.code];
  }
}
