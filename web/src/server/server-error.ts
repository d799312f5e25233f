/** A server that computes for the page refused a call, or could not be reached. */
export class ServerError extends Error {
  override readonly name = "ServerError";

  constructor(
    /** Code of the server; `connection_lost` if it did not answer. */
    readonly code: string,
    message: string,
    /** Seconds after which the call may succeed. */
    readonly retryAfter?: number,
  ) {
    super(message);
  }
}

/** The server could not be reached, or stopped in the middle of an answer. */
export function connectionLost(): ServerError {
  return new ServerError("connection_lost", "The server does not answer.");
}
