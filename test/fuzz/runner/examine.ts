import { Violation, type Target } from "../target.js";
import type { Fault, Limits, Verdict } from "./job.js";

/** Longest message of an error, in characters, because names in a file may have any length. */
const MAX_MESSAGE = 4096;
/**
 * Characters that control a terminal: control characters except tab and line break, and those that change the direction of
 * text.
 */
export const STEERING = /(?![\t\n]|\r\n)\p{Cc}|[\u202a-\u202e\u2066-\u2069]/u;
/** Internal values that users cannot understand. zod says "received undefined" for "missing". */
const SENSELESS = /(?<!received )\bundefined\b|\[object /;

/** Runs an input and judges what the library did with it. */
export async function examine(target: Target, input: Uint8Array, limits: Limits): Promise<Verdict> {
  const start = performance.now();
  const cpuStart = process.cpuUsage();
  let outcome = "accepted";
  let fault: Fault | undefined;
  try {
    await target.run(input);
  } catch (error) {
    fault = faultOf(error, target, input);
    outcome = fault ? "failed" : refusalOf(error as Error, target)!;
  }
  const { user, system } = process.cpuUsage(cpuStart);
  const milliseconds = Math.min(performance.now() - start, (user + system) / 1000);
  fault ??= changedPrototype();
  if (!fault && milliseconds > limits.slow) {
    fault = { kind: "slow", signature: "slow", detail: `${Math.round(milliseconds)} ms for ${input.length} bytes` };
  }
  return { outcome: fault ? "failed" : outcome, fault, milliseconds };
}

function faultOf(error: unknown, target: Target, input: Uint8Array): Fault | undefined {
  if (!(error instanceof Error)) {
    return { kind: "untyped error", signature: `throws ${typeof error}`, detail: `threw ${String(error)}` };
  }
  const { name, message } = error;
  if (error instanceof Violation) return { kind: "broken promise", signature: withoutValues(message), detail: message };
  if (refusalOf(error, target) === undefined) {
    return { kind: "untyped error", signature: `${name} ${placeOf(error)}`, detail: describe(error) };
  }
  const problem = unfit(message, input);
  if (problem === undefined) return undefined;
  return { kind: "unfit message", signature: `${problem} ${name} ${placeOf(error)}`, detail: describe(error) };
}

/** The kind of refusal of an error: its class, or the nearest one that it extends. */
function refusalOf(error: Error, { refusals }: Target): string | undefined {
  return classesOf(error).find((one) => (refusals as readonly string[]).includes(one));
}

/** The names of an error's class and its base classes. */
function classesOf(error: Error): string[] {
  const names: string[] = [error.name];
  for (let one: unknown = error; one instanceof Error; one = Object.getPrototypeOf(one))
    names.push(one.constructor.name);
  return names;
}

function unfit(message: string, input: Uint8Array): string | undefined {
  if (message.length > MAX_MESSAGE) return "too long";
  if (STEERING.test(message)) return "steers a terminal";
  const found = SENSELESS.exec(message);
  return found && !Buffer.from(input).includes(found[0]) ? "senseless" : undefined;
}

/** A message without the parts that differ between inputs. */
function withoutValues(message: string): string {
  return message.replace(/"[^"]*"|'[^']*'|[\d.,+-]+/g, "…").slice(0, 80);
}

/** The function of this repository that threw the error. */
function placeOf({ stack = "" }: Error): string {
  const lines = stack.split("\n").filter((line) => /^\s+at .*\/src\//.test(line));
  return (lines[0] ?? "").replace(/^\s+at /, "").replace(/\(?(?:file:\/\/)?\S*\/src\//, "(src/");
}

function describe({ stack = "", message }: Error): string {
  const frames = stack.slice(stack.indexOf(message) + message.length).split("\n");
  const own = frames.filter((line) => line.includes("/src/")).slice(0, 5);
  return visible([stack.slice(0, 400).split("\n    at")[0]!, ...own].join("\n"));
}

/** Text in which control characters are visible. */
function visible(text: string): string {
  return text.replace(/[^\P{C}\n]/gu, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

const PROTOTYPES: readonly object[] = [Object, Array, Map, Set, String, Number, Function, Promise].map(
  (type): object => type.prototype as object,
);
const KEYS = PROTOTYPES.map((prototype) => new Set(Reflect.ownKeys(prototype)));

/** Properties that were added to the prototypes of built-in classes. They are removed. */
function changedPrototype(): Fault | undefined {
  const added = PROTOTYPES.flatMap((prototype, i) => {
    const keys = Reflect.ownKeys(prototype);
    const others = keys.length === KEYS[i]!.size ? [] : keys.filter((key) => !KEYS[i]!.has(key));
    for (const key of others) Reflect.deleteProperty(prototype, key);
    return others.map(String);
  });
  if (added.length === 0) return undefined;
  return { kind: "changed prototype", signature: "changed prototype", detail: `added ${added.join(", ")}` };
}
