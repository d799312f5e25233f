import { TransientError } from "./http-error.js";
import { addressOf } from "./hub.js";

/** A server that did not answer. */
interface Lost {
  /** How often it was tried. */
  readonly attempts: number;
  readonly problem: string;
}

/**
 * The servers that could not be reached in a run, for `openRemote`: each is given up once, not once for each of its files. One
 * that answers that a file is missing, or that it is busy, is reached.
 */
export class UnreachableHosts {
  readonly #lost = new Map<string, Lost>();

  /** Throws TransientError where the server of an address was tried as often already, without an answer. */
  check(url: string, attempts: number): void {
    const lost = this.#lost.get(hostOf(url));
    if (lost === undefined || lost.attempts < attempts) return;
    throw new TransientError(url, `${lost.problem}; for this file it was not tried again`, {
      advice: "check the connection, and try again later",
    });
  }

  /** Notes a failure after so many attempts, where no answer came. */
  lose(url: string, attempts: number, { isUnreachable, problem }: TransientError): void {
    if (isUnreachable) this.#lost.set(hostOf(url), { attempts, problem });
  }

  /** Notes that the server has answered. */
  find(url: string): void {
    this.#lost.delete(hostOf(url));
  }

  /** Has all servers tried again. */
  clear(): void {
    this.#lost.clear();
  }
}

function hostOf(url: string): string {
  return new URL(addressOf(url)).host;
}
