/** What a client needs of a `Worker`. */
export interface WorkerLike {
  /** Sends a message to the worker. */
  postMessage(message: unknown): void;
  /** Calls a function for each `message`, `messageerror` or `error` of the worker. */
  addEventListener(type: string, listener: (event: { readonly type: string }) => void): void;
  /** Ends the worker. */
  terminate(): void;
}

/** What events of workers may have. */
export interface WorkerEvent {
  readonly type: string;
  readonly data?: unknown;
  readonly message?: string;
  readonly filename?: string;
  readonly lineno?: number;
  readonly error?: unknown;
}
