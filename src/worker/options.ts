// Options of calls, as they can be passed to a worker.

/** Names of options that only the thread of the models can have: objects with methods, and functions that must return a value. */
export type ThreadBound = "generator" | "fetch" | "timeEstimate" | "describe" | "contests";

/** An argument of a method of the library as it can be passed to a worker: options without those that are bound to a thread. */
export type Sent<Argument> = Argument extends unknown
  ? Extract<keyof Argument, ThreadBound> extends never
    ? Argument
    : Omit<Argument, ThreadBound>
  : never;

/**
 * The arguments of a method of the library as they can be passed to a worker.
 * @typeParam Method - The method.
 */
export type SentArguments<Method extends (...args: never) => unknown> = {
  [Index in keyof Parameters<Method>]: Sent<Parameters<Method>[Index]>;
};

/**
 * A method of the library that runs in a worker.
 * @typeParam Method - The method.
 */
export type RemoteMethod<Method extends (...args: never) => unknown> = (
  ...args: SentArguments<Method>
) => Promise<Awaited<ReturnType<Method>>>;
