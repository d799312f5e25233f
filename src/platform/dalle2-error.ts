import { ERROR_CODES, isErrorCode, type ErrorCode } from "./error-codes.js";
import { causeFromJson, causeToJson, cleaned, plainObject } from "./error-json.js";
import { isRecord, type PlainObject } from "./objects.js";
import { safeOptions } from "./secrets.js";

/** Where an error happened. Fields that are unknown or do not apply are absent. */
export interface ErrorPlace {
  /** Path or URL of a file, without secrets. */
  readonly file?: string | undefined;
  /** Path in a configuration: `decoder.unets[0].dim`. */
  readonly configPath?: string | undefined;
  /** Name of a tensor in a checkpoint, or of the first of several. */
  readonly tensor?: string | undefined;
  /** Name of an option or argument. */
  readonly argument?: string | undefined;
  /** Path of a module in its model, as its tensors are named: `unets.0.downs.1.block2`. */
  readonly module?: string | undefined;
  /** An operation or a kernel: `linear`. */
  readonly operation?: string | undefined;
  /** A model or a part of one: "the prior", "U-Net 2", "CLIP's text encoder". */
  readonly component?: string | undefined;
  /** A sampling step, counted from 1, of `steps`. */
  readonly step?: number | undefined;
  /** How many sampling steps there are. */
  readonly steps?: number | undefined;
}

/** Options of an error. */
export interface Dalle2ErrorOptions extends ErrorOptions {
  /** Default: the code of the class. */
  readonly code?: ErrorCode | undefined;
  /** Where it happened. Default: not known. */
  readonly place?: ErrorPlace | undefined;
  /** What to do; it is added to the message. Default: the advice for the code, which is not added. */
  readonly advice?: string | undefined;
}

/** An error as JSON, for another worker or a client of a server. */
export interface Dalle2ErrorJson {
  /** Name of the class. */
  readonly name: string;
  /** What a program decides by. */
  readonly code: string;
  /** What was wrong, and where. */
  readonly message: string;
  /** What to do. */
  readonly advice: string;
  /** Where it happened. */
  readonly place?: ErrorPlace | undefined;
  /** Other properties of the class, as plain data. */
  readonly details?: PlainObject | undefined;
  /** The cause: an error of this form, or one with only a name and a message. */
  readonly cause?: unknown;
  /** The calls that led to it, where they were asked for. */
  readonly stack?: string | undefined;
}

/** A class of errors. */
interface ErrorClass {
  readonly prototype: Dalle2Error;
  readonly code: ErrorCode;
}

/**
 * Base class of all errors that the library throws on purpose. It has a stable `code` for programs, a message that says what
 * was wrong, the `place`, and `advice` on what to do. Secrets and control characters for terminals are removed from its
 * texts and from its causes. A call that was aborted rejects with the signal's reason, which may be any value.
 */
export class Dalle2Error extends Error {
  static readonly #classes = new Map<string, ErrorClass>();
  /** The code of this class, for errors that name none. */
  static readonly code: ErrorCode = "error/unknown";

  /** Name of the class. */
  override readonly name: string = "Dalle2Error";
  /** The code, for programs. All codes are in `docs/errors.md`. An error from JSON may have a code of another version. */
  readonly code: ErrorCode;
  /** Where it happened; undefined where nothing is known of it. */
  readonly place: ErrorPlace | undefined;
  /** What to do, in one sentence or more. */
  readonly advice: string;

  constructor(message: string, { code, place, advice, ...options }: Dalle2ErrorOptions = {}) {
    super(cleaned(advice === undefined ? message : withAdvice(message, advice)), safeOptions(options));
    this.code = code ?? new.target.code;
    this.place = place && plainObject(place as PlainObject);
    this.advice = advice === undefined ? ERROR_CODES[this.code].advice : cleaned(sentence(advice));
  }

  /**
   * Registers a class for `fromJSON`. Each class of the library calls it in a static block.
   *
   * @internal
   */
  protected static register(errorClass: ErrorClass): void {
    Dalle2Error.#classes.set(ERROR_CODES[errorClass.code].class, errorClass);
  }

  /**
   * Makes an error from its JSON: of its class if that is loaded and the code is known, else a plain `Dalle2Error` with the
   * same code. Accepts any value and never throws, because JSON may come from strangers.
   */
  static fromJSON(json: unknown): Dalle2Error {
    return Dalle2Error.#fromJson(json, 0);
  }

  static #fromJson(json: unknown, depth: number): Dalle2Error {
    const fields: JsonFields = isRecord(json) ? json : {};
    const { name, code, message, advice, place, details, cause, stack } = fields;
    const error = new Dalle2Error(typeof message === "string" ? message : "an error without a message", {
      place: isRecord(place) ? place : undefined,
      ...(cause === undefined
        ? {}
        : { cause: causeFromJson(cause, (...args) => Dalle2Error.#fromJson(...args), depth) }),
    });
    const isKnown = typeof code === "string" && isErrorCode(code);
    const errorClass = isKnown && typeof name === "string" ? Dalle2Error.#classes.get(name) : undefined;
    if (errorClass) Object.setPrototypeOf(error, errorClass.prototype);
    // Only data: methods and accessors of the class stay.
    const own = isRecord(details) ? Object.entries(plainObject(details)).filter(([key]) => !(key in error)) : [];
    Object.assign(error, Object.fromEntries(own), {
      ...(errorClass ? { name } : {}),
      ...(typeof code === "string" ? { code: cleaned(code) } : {}),
      ...(typeof advice === "string" ? { advice: cleaned(advice) } : {}),
      ...(typeof stack === "string" ? { stack: cleaned(stack) } : {}),
    });
    return error;
  }

  /** Returns the error as plain data, for `JSON.stringify` and `postMessage`. The stack is included only on request. */
  toJSON(options?: { readonly stack?: boolean } | string): Dalle2ErrorJson {
    // `JSON.stringify` passes a key instead of options.
    return this.#toJson(typeof options === "object" && options.stack === true, 0);
  }

  /** `depth` counts the errors that this one is a cause of. */
  #toJson(stack: boolean, depth: number): Dalle2ErrorJson {
    const { name, code, message, advice, place, cause } = this;
    const ours = (error: Error, inner: number) =>
      error instanceof Dalle2Error ? error.#toJson(stack, inner) : undefined;
    const details = plainObject(Object.fromEntries(Object.entries(this).filter(([key]) => !BASE_FIELDS.has(key))));
    return {
      name,
      code,
      message,
      advice,
      ...(place === undefined ? {} : { place }),
      ...(Object.keys(details).length === 0 ? {} : { details }),
      ...(cause === undefined ? {} : { cause: causeToJson(cause, ours, stack, depth + 1) }),
      ...(stack && this.stack !== undefined ? { stack: this.stack } : {}),
    };
  }

  /**
   * Adds a place to the error as it passes up the call stack. Fields that are already known stay. The message then begins
   * with the module's path.
   */
  locate(place: ErrorPlace): this {
    const { module } = place;
    if (module !== undefined && this.place?.module === undefined) this.#begin(cleaned(module));
    Object.assign(this, { place: { ...plainObject(place as PlainObject), ...this.place } });
    return this;
  }

  #begin(module: string): void {
    const { message, stack } = this;
    this.message = `${module}: ${message}`;
    // The runtime copied the message into the stack when the error was made.
    if (stack?.includes(message)) this.stack = stack.replace(message, () => this.message);
  }
}

type JsonFields = { readonly [Key in keyof Dalle2ErrorJson]?: unknown };

/** The fields of all errors. `details` has the others. */
const BASE_FIELDS: ReadonlySet<string> = new Set(["name", "code", "message", "advice", "place", "cause", "stack"]);

/** The advice as a sentence. */
function sentence(advice: string): string {
  return `${advice.charAt(0).toUpperCase()}${advice.slice(1)}${/[.!?]$/.test(advice) ? "" : "."}`;
}

/** A message with advice added. A wrapped error may contain the advice already. */
function withAdvice(problem: string, advice: string): string {
  if (says(problem, advice)) return problem;
  return /[.!?]$/.test(problem) ? `${problem} ${sentence(advice)}` : `${problem}; ${advice}`;
}

/** The advice of an error if its message does not contain it, for code that shows both. */
export function adviceBeside({ message, advice }: Dalle2Error): string | undefined {
  return says(message, advice) ? undefined : advice;
}

function says(message: string, advice: string): boolean {
  return message.toLowerCase().includes(advice.replace(/\.$/, "").toLowerCase());
}
