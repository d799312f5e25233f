import { TransientError } from "./http-error.js";
import { addressOf } from "./hub.js";

/** A server that did not answer. */
interface Unreachable {
  /** Number of attempts. */
  readonly attempts: number;
  readonly problem: string;
}

/**
 * The servers that could not be reached in a run, for `openRemote`. Each is given up once, not again for each of its files. A
 * server that answers, even with an error such as 404 or 503, counts as reachable.
 */
export class UnreachableHosts {
  readonly #unreachable = new Map<string, Unreachable>();

  /** Throws TransientError if the server of a URL has already failed to answer at least `attempts` times. */
  check(url: string, attempts: number): void {
    const known = this.#unreachable.get(hostOf(url));
    if (known === undefined || known.attempts < attempts) return;
    throw new TransientError(url, `${known.problem}; it was not tried again for this file`, {
      advice: "check the connection, and try again later",
    });
  }

  /** Whether the server of a URL could not be reached when it was last asked. */
  has(url: string): boolean {
    return this.#unreachable.has(hostOf(url));
  }

  /** Records a failure after `attempts` attempts, if the server did not answer. */
  markFailed(url: string, attempts: number, { isUnreachable, problem }: TransientError): void {
    if (isUnreachable) this.#unreachable.set(hostOf(url), { attempts, problem });
  }

  /** Records that the server has answered. */
  markReachable(url: string): void {
    this.#unreachable.delete(hostOf(url));
  }

  /** Makes all servers be tried again. */
  clear(): void {
    this.#unreachable.clear();
  }
}

function hostOf(url: string): string {
  return new URL(addressOf(url)).host;
}
