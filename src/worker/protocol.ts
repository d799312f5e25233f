// The messages between a page and its worker. An RPC library does not fit: birpc knows neither abort nor transferred buffers nor
// options that are functions, and Comlink leaves calls pending forever if the worker dies.

/** Both sides must have the same. It changes with the messages, and with the methods of a worker. */
export const PROTOCOL = 1;

/** An option of a call that cannot be cloned: argument `argument` has it under `key`. */
export interface Slot {
  readonly argument: number;
  readonly key: string;
  /** What stands for it in messages. */
  readonly id: number;
}

/** A call of a method of the worker. */
export interface CallMessage {
  readonly kind: "call";
  readonly id: number;
  readonly method: string;
  /** The arguments, without what `callbacks` and `signals` hold. */
  readonly args: readonly unknown[];
  /** Functions, which the worker calls by messages. */
  readonly callbacks: readonly Slot[];
  /** Abort signals, as far as they are not aborted yet. */
  readonly signals: readonly Slot[];
}

/** A signal of the page was aborted. */
export interface AbortMessage {
  readonly kind: "abort";
  readonly signal: number;
}

/** A function of the page has returned to the worker. */
export interface ReturnMessage {
  readonly kind: "returned";
  /** Id of the `CallbackMessage`. */
  readonly id: number;
}

/** From the page to the worker. */
export type ToWorker = CallMessage | AbortMessage | ReturnMessage;

/** The worker can be called. */
export interface ReadyMessage {
  readonly kind: "ready";
  readonly protocol: number;
  /** Name of a Web Lock that the worker holds as long as it lives. Absent where there are no Web Locks. */
  readonly lock?: string;
}

/** A call has a result. */
export interface ResultMessage {
  readonly kind: "result";
  readonly id: number;
  readonly value: unknown;
}

/** A call was rejected. */
export interface ErrorMessage {
  readonly kind: "error";
  readonly id: number;
  readonly error: SentError;
}

/** The worker calls a function of the page. */
export interface CallbackMessage {
  readonly kind: "callback";
  readonly id: number;
  /** Id of the function. */
  readonly callback: number;
  readonly args: readonly unknown[];
}

/** The device of a handle was lost. */
export interface LostMessage {
  readonly kind: "lost";
  readonly handle: number;
}

/** The worker downloads something. Only a page can ask the browser to keep it. */
export interface PersistMessage {
  readonly kind: "persist";
}

/** From the worker to the page. */
export type FromWorker = ReadyMessage | ResultMessage | ErrorMessage | CallbackMessage | LostMessage | PersistMessage;

/** The kinds of messages from the worker. */
export const ANSWERS = {
  ready: true,
  result: true,
  error: true,
  callback: true,
  lost: true,
  persist: true,
} as const satisfies Readonly<Record<FromWorker["kind"], true>>;

/** An error in a message. */
export type SentError =
  /** An error of this library: the JSON of `Dalle2Error`. */
  | { readonly kind: "ours"; readonly json: unknown }
  /** The reason of a signal of the page. */
  | { readonly kind: "aborted"; readonly signal: number }
  /** Any other value. Clones of errors lose a name that is not of the language; `name` has it. */
  | { readonly kind: "other"; readonly value: unknown; readonly name?: string };
