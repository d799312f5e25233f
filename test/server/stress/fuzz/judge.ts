// What is wrong with an answer, whatever was asked.
import type { Delivery } from "./delivery.js";

/** What the server did with a request. */
export interface Verdict {
  /** For the table: statuses, or what came instead. */
  readonly outcome: string;
  /** Undefined if nothing is wrong. */
  readonly fault: string | undefined;
}

/** An answer as HTTP has it. */
interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** Characters of an answer that a fault shows. */
const MAX_SHOWN = 1500;

/** Judges what came back for a request. */
export function judge(request: Uint8Array, delivery: Delivery): Verdict {
  const { manner, text, isBroken, isHanging } = delivery;
  if (isHanging) return { outcome: "hangs", fault: `no end after ${text.length} bytes of an answer` };
  if (text === "") return { outcome: "no answer", fault: mayBeSilent(request, delivery) ? undefined : "no answer" };
  if (manner === "reset in the answer") return { outcome: "reset", fault: undefined };
  let answers: readonly Answer[];
  try {
    answers = answersIn(text);
  } catch (error) {
    // What a client's own break cuts off is no fault.
    // Node ends a connection that goes on after "close", and writes "Continue" for a second request into the first answer.
    const isOwn = isBroken || manner === "half and end" || manner === "twice";
    const fault = `${String(error)}: ${JSON.stringify(text.slice(-MAX_SHOWN))}`;
    return { outcome: "cut off", fault: isOwn ? undefined : fault };
  }
  const fault = answers.map((answer) => faultOf(answer, Buffer.from(request))).find((one) => one !== undefined);
  return { outcome: answers.map(({ status }) => status).join(" then "), fault };
}

/** A client that is gone gets no answer, nor does who sends nothing. Node closes at CONNECT, for which there is no proxy. */
function mayBeSilent(request: Uint8Array, { manner, isBroken }: Delivery): boolean {
  if (isBroken || manner.startsWith("half")) return true;
  const start = Buffer.from(request.subarray(0, 8)).toString("latin1");
  return request.length === 0 || /^\s*$/.test(Buffer.from(request).toString("latin1")) || start.startsWith("CONNECT");
}

function answersIn(text: string): readonly Answer[] {
  const answers: Answer[] = [];
  for (let rest = text; rest !== "";) {
    const end = rest.indexOf("\r\n\r\n");
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(rest)?.[1] ?? NaN);
    if (end < 0 || Number.isNaN(status)) throw new Error(`no answer of HTTP: ${JSON.stringify(rest.slice(0, 200))}`);
    const lines = rest.slice(0, end).split("\r\n").slice(1);
    const headers = new Map(
      lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
    );
    rest = rest.slice(end + 4);
    // "Continue" is followed by the answer.
    if (status === 100) continue;
    const [body, after] = bodyIn(rest, headers, status);
    answers.push({ status, headers, body });
    rest = after;
  }
  return answers;
}

function bodyIn(
  rest: string,
  headers: ReadonlyMap<string, string>,
  status: number,
): readonly [body: string, after: string] {
  if (headers.get("transfer-encoding") === "chunked") return chunksIn(rest);
  const length = Number(headers.get("content-length") ?? 0);
  // An answer to HEAD says the length of what it does not have.
  if (status === 204 || status === 304 || (rest === "" && length > 0)) return ["", rest];
  if (length > rest.length) throw new Error(`a body of ${rest.length} bytes, not ${length}`);
  return headers.has("content-length") ? [rest.slice(0, length), rest.slice(length)] : [rest, ""];
}

function chunksIn(text: string): readonly [body: string, after: string] {
  let body = "";
  for (let at = 0; ;) {
    const end = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, end), 16);
    if (end < 0 || Number.isNaN(size)) {
      if (text === "") return ["", ""];
      throw new Error("an answer in chunks ends too early");
    }
    if (size === 0) return [body, text.slice(end + 4)];
    body += text.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
  }
}

/** Paths and stacks do not belong into a message, unless the caller sent them. */
const SECRETS = /node_modules|\s+at .*:\d+:\d+|\/(work|home|root|etc|usr)\/|file:\/\/\//;
const MAX_MESSAGE = 1000;

function faultOf({ status, headers, body }: Answer, request: Buffer): string | undefined {
  if (!/^req_[0-9a-f-]{32,36}$/.test(headers.get("x-request-id") ?? ""))
    return `${status} without an id: ${body.slice(0, 300)}`;
  if (status === 500) return `500: ${body.slice(0, 500)}`;
  if ((status === 429 || status === 503) && !(Number(headers.get("retry-after")) >= 1))
    return `${status} without Retry-After`;
  if (status < 400) return faultOfSuccess(headers, body);
  return body === "" ? undefined : faultOfError(status, body, request);
}

function faultOfError(status: number, body: string, request: Buffer): string | undefined {
  const shown = `${status}: ${body.slice(0, 300)}`;
  let error: Record<string, unknown>;
  try {
    ({ error = {} } = JSON.parse(Buffer.from(body, "latin1").toString()) as { readonly error?: typeof error });
  } catch {
    return `an error that is no JSON; ${shown}`;
  }
  const { message, type, param, code } = error;
  if (typeof message !== "string" || message === "" || message.length > MAX_MESSAGE) return `a bad message; ${shown}`;
  if (typeof type !== "string" || typeof code !== "string" || (param !== null && typeof param !== "string"))
    return `an error of another shape; ${shown}`;
  if (/\p{Cc}/u.test(message)) return `a message that can control a terminal; ${shown}`;
  const [secret] = SECRETS.exec(message) ?? [];
  return secret === undefined || request.includes(secret) ? undefined : `a message that says too much; ${shown}`;
}

function faultOfSuccess(headers: ReadonlyMap<string, string>, body: string): string | undefined {
  const type = headers.get("content-type") ?? "";
  if (type.startsWith("text/event-stream"))
    return /event: \S+\ndata: .*\n\n$/.test(body) ? undefined : "a stream without an end";
  if (!type.startsWith("application/json") || body === "") return undefined;
  const answer = JSON.parse(body) as { readonly data?: unknown };
  return Array.isArray(answer.data) && answer.data.length === 0 ? "an answer without images" : undefined;
}
