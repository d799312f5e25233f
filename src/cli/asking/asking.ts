import { createInterface } from "node:readline";
import { UsageError } from "../errors.js";
import { InterruptedError } from "../interrupt.js";
import { say, sayPart, shown } from "../output.js";

export interface Question {
  readonly message: string;
  /** What an empty answer, or the end of the answers, stands for. Without it there must be an answer. */
  readonly fallback?: string | undefined;
  /** What is wrong with an answer, in a sentence; undefined where nothing is. */
  readonly check?: ((answer: string) => string | undefined) | undefined;
}

/** Gets answers for what the options of a command leave open. */
export interface Asker extends Disposable {
  /** The answer without spaces around it. A person is asked again until it passes the check. */
  ask(question: Question): Promise<string>;
  /** Says something between questions. */
  say(message: string): void;
}

export interface AskerOptions {
  /** The options that make asking needless, for the message where there is nobody to answer: "--prompt". */
  readonly options: string;
  readonly signal: AbortSignal;
}

/**
 * Asks a person at the terminal; where standard input is a pipe or a file, each of its lines is an answer. Questions go to
 * standard error. Throws `UsageError` where nobody can see them.
 */
export function openAsker(options: AskerOptions): Asker {
  if (!process.stdin.isTTY) return new PipedAsker(options);
  if (!process.stderr.isTTY) throw new UsageError(`There is nobody to ask what to do: give ${options.options}.`);
  return new TerminalAsker(options.signal);
}

/** A question with what an empty answer stands for. */
function withFallback(message: string, fallback: string | undefined): string {
  return fallback ? `${message} [${fallback}]` : message;
}

class TerminalAsker implements Asker {
  constructor(private readonly signal: AbortSignal) {}

  async ask({ message, fallback, check }: Question): Promise<string> {
    const { isCancel, text } = await import("@clack/prompts");
    const problem = (answer = ""): string | undefined => {
      const given = answer.trim() || fallback;
      const found = given === undefined ? "An answer is needed." : check?.(given);
      return found === undefined ? undefined : shown(found);
    };
    const answer = await text({
      message: shown(withFallback(message, fallback)),
      validate: problem,
      output: process.stderr,
      signal: this.signal,
    });
    if (isCancel(answer)) throw new InterruptedError();
    // Clack leaves the value of an empty line undefined, whatever its types say.
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
      const reason = line.done ? "Standard input ended before" : "There is an empty line in place of";
      throw new UsageError(`${reason} an answer to "${message}". Answer it, or give ${this.options.options}.`);
    }
    const problem = check?.(given);
    // To ask again would take the answers that follow for answers to other questions.
    if (problem !== undefined) throw new UsageError(`${message}: "${given}" will not do. ${problem}`);
    return given;
  }

  say(message: string): void {
    say(message);
  }

  [Symbol.dispose](): void {
    this.#reader.close();
    // A pipe that stays open would keep the process from ending.
    process.stdin.destroy();
  }
}

/** Asks how many images to generate of each. */
export async function askSamples(asker: Asker, subject: string): Promise<number> {
  const answer = await asker.ask({
    message: `How many samples would you like to generate for each ${subject}?`,
    fallback: "1",
    check: (given) => (isCount(given) ? undefined : "A whole number of at least 1 is needed."),
  });
  return Number(answer);
}

function isCount(answer: string): boolean {
  return Number.isSafeInteger(Number(answer)) && Number(answer) >= 1;
}
