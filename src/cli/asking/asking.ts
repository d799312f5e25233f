import { createInterface } from "node:readline";
import { UsageError } from "../errors.js";
import { InterruptedError } from "../interrupt.js";
import { say, sayPart, sanitized } from "../output.js";

export interface Question {
  readonly message: string;
  /** The answer if the answer is empty or the input has ended. Without it, an answer is required. */
  readonly fallback?: string | undefined;
  /** Returns what is wrong with an answer, as a sentence; undefined if it is valid. */
  readonly check?: ((answer: string) => string | undefined) | undefined;
}

/** Asks for what the options of a command do not say. */
export interface Asker extends Disposable {
  /** Returns the answer without spaces around it. At a terminal, asks again until the answer passes the check. */
  ask(question: Question): Promise<string>;
  /** Prints a message between questions. */
  say(message: string): void;
}

export interface AskerOptions {
  /** The options that replace the questions, for the error if there is no terminal: "--prompt". */
  readonly options: string;
  readonly signal: AbortSignal;
}

/**
 * Asks at the terminal. If standard input is a pipe or a file, each of its lines is an answer. Questions go to standard
 * error. Throws `UsageError` if standard input is a terminal but standard error is not.
 */
export function openAsker(options: AskerOptions): Asker {
  if (!process.stdin.isTTY) return new PipedAsker(options);
  if (!process.stderr.isTTY)
    throw new UsageError(`Cannot ask questions, as standard error is not a terminal: give ${options.options}.`);
  return new TerminalAsker(options.signal);
}

/** A question that also shows the answer for an empty line. */
function withFallback(message: string, fallback: string | undefined): string {
  return fallback ? `${message} [${fallback}]` : message;
}

class TerminalAsker implements Asker {
  constructor(private readonly signal: AbortSignal) {}

  async ask({ message, fallback, check }: Question): Promise<string> {
    const { isCancel, text } = await import("@clack/prompts");
    const problem = (answer = ""): string | undefined => {
      const given = answer.trim() || fallback;
      const found = given === undefined ? "An answer is required." : check?.(given);
      return found === undefined ? undefined : sanitized(found);
    };
    const answer = await text({
      message: sanitized(withFallback(message, fallback)),
      validate: problem,
      output: process.stderr,
      signal: this.signal,
    });
    if (isCancel(answer)) throw new InterruptedError();
    // Clack returns undefined for an empty line, although its types do not say so.
    return ((answer as string | undefined) ?? "").trim() || (fallback ?? "");
  }

  say(message: string): void {
    say(message);
  }

  [Symbol.dispose](): void {
    // Each question opens and closes the terminal by itself.
  }
}

class PipedAsker implements Asker {
  readonly #reader;
  readonly #lines: AsyncIterator<string>;

  constructor(private readonly options: AskerOptions) {
    this.#reader = createInterface({ input: process.stdin, signal: options.signal });
    this.#lines = this.#reader[Symbol.asyncIterator]();
  }

  async ask({ message, fallback, check }: Question): Promise<string> {
    sayPart(`${withFallback(message, fallback)}: `);
    const line = await this.#lines.next();
    const answer = line.done ? undefined : line.value.trim() || undefined;
    sayPart(`${answer ?? ""}\n`);
    this.options.signal.throwIfAborted();
    const given = answer ?? fallback;
    if (given === undefined) {
      const reason = line.done ? "Standard input ended before" : "There is an empty line instead of";
      throw new UsageError(`${reason} an answer to "${message}". Add the answer, or give ${this.options.options}.`);
    }
    const problem = check?.(given);
    // Not asked again: the next line answers the next question.
    if (problem !== undefined) throw new UsageError(`${message}: "${given}" is not a valid answer. ${problem}`);
    return given;
  }

  say(message: string): void {
    say(message);
  }

  [Symbol.dispose](): void {
    this.#reader.close();
    // An open pipe would keep the process running.
    process.stdin.destroy();
  }
}

/** Asks how many images to generate for each subject. */
export async function askSamples(asker: Asker, subject: string): Promise<number> {
  const answer = await asker.ask({
    message: `How many samples would you like to generate for each ${subject}?`,
    fallback: "1",
    check: (given) => (isCount(given) ? undefined : "It must be a whole number of at least 1."),
  });
  return Number(answer);
}

function isCount(answer: string): boolean {
  return Number.isSafeInteger(Number(answer)) && Number(answer) >= 1;
}
