import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

export interface ServedFile {
  readonly content: Uint8Array;
  /** As in the header, with its quotes. */
  readonly etag?: string | undefined;
  readonly lastModified?: string | undefined;
  /** Where the content really is: requests are sent there, as the hub does for large files. */
  readonly redirect?: string | undefined;
}

export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly file: ServedFile;
}

/** Answers one request, correctly or not. */
export type Answer = (exchange: Exchange) => void | Promise<void>;

/** A server of files in memory with range requests. Tests can make its responses fail. */
export class FaultServer {
  readonly files = new Map<string, ServedFile>();
  /** The requests, oldest first. */
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[] = [];
  /** Chooses the response to a request for an existing file by its headers. Undefined: the correct one. */
  choose: (headers: IncomingHttpHeaders, path: string) => Answer | undefined = () => undefined;

  private constructor(private readonly server: Server) {}

  static async start(): Promise<FaultServer> {
    const server = createServer();
    const self = new FaultServer(server);
    server.on("request", (request, response) => void self.#answer(request, response));
    await once(server.listen(0, "127.0.0.1"), "listening");
    return self;
  }

  /** URL of the server, or of a path on it. */
  url(path = ""): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}${path}`;
  }

  /** The requests for a path except those for its first byte. */
  transfers(path: string): IncomingHttpHeaders[] {
    return this.requests.filter((one) => one.path === path && !isProbe(one.headers)).map(({ headers }) => headers);
  }

  /** Makes the first requests for more than the first byte fail, one after the other. Later ones succeed. */
  spoil(...answers: Answer[]): void {
    this.choose = (headers) => (isProbe(headers) ? undefined : answers.shift());
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    this.requests.push({ path, headers: request.headers });
    // As on servers that let pages of other origins read their files.
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Access-Control-Expose-Headers", "ETag, Content-Range, Content-Length");
    const file = this.files.get(path);
    if (!file) {
      response.writeHead(404).end();
      return;
    }
    await (this.choose(request.headers, path) ?? answerWell)({ request, response, file });
  }
}

function isProbe({ range }: IncomingHttpHeaders): boolean {
  return range === "bytes=0-0";
}

/** Writes the headers of the correct response and returns its body (RFC 9110, sections 13.1.5 and 14). */
function begin({ request, response, file }: Exchange): Uint8Array {
  const { content, etag, lastModified } = file;
  if (etag !== undefined) response.setHeader("ETag", etag);
  if (lastModified !== undefined) response.setHeader("Last-Modified", lastModified);
  const { range = "", "if-range": ifRange } = request.headers;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(range) ?? [];
  const isStale = ifRange !== undefined && ifRange !== etag && ifRange !== lastModified;
  if (first === undefined || isStale) {
    response.writeHead(200, { "Content-Length": content.length });
    return content;
  }
  const start = Number(first);
  const end = Math.min(last ? Number(last) + 1 : content.length, content.length);
  if (start >= content.length) {
    response.writeHead(416, { "Content-Range": `bytes */${content.length}` });
    return new Uint8Array(0);
  }
  const headers = { "Content-Range": `bytes ${start}-${end - 1}/${content.length}`, "Content-Length": end - start };
  response.writeHead(206, headers);
  return content.subarray(start, end);
}

export const answerWell: Answer = (exchange) => {
  const { etag, redirect } = exchange.file;
  if (redirect !== undefined) {
    exchange.response.writeHead(302, { Location: redirect, ...(etag && { "X-Linked-ETag": etag }) }).end();
    return;
  }
  exchange.response.end(begin(exchange));
};

/** Answers with only a status. */
export function status(code: number, headers: Record<string, string> = {}): Answer {
  return ({ response }) => void response.writeHead(code, headers).end();
}

/** Closes the connection after some bytes of the response. */
export function dropAfter(bytes: number): Answer {
  return (exchange) => {
    const { response } = exchange;
    response.write(begin(exchange).subarray(0, bytes), () => response.destroy());
  };
}

/** Sends some bytes of the response, then nothing, with the connection open. */
export function stallAfter(bytes: number): Answer {
  return (exchange) => void exchange.response.write(begin(exchange).subarray(0, bytes));
}

/** Sends some bytes of the response, and the rest once `rest` resolves. */
export function holdAfter(bytes: number, rest: Promise<unknown>): Answer {
  return async (exchange) => {
    const { response } = exchange;
    const content = begin(exchange);
    response.write(content.subarray(0, bytes));
    await rest;
    response.end(content.subarray(bytes));
  };
}

/** Sends the response in pieces of `bytes`, with a pause after each. `onSent` is called with the fraction sent. */
export function drip(bytes: number, milliseconds: number, onSent: (share: number) => void = () => undefined): Answer {
  return async (exchange) => {
    const { response } = exchange;
    const content = begin(exchange);
    for (let start = 0; start < content.length && !response.destroyed; start += bytes) {
      response.write(content.subarray(start, start + bytes));
      onSent(Math.min(1, (start + bytes) / content.length));
      await new Promise((resolve) => setTimeout(resolve, milliseconds));
    }
    response.end();
  };
}

/** Sends the whole file for any range, as servers without range requests do. */
export function wholeFile(after: Answer = answerWell): Answer {
  return ({ request, ...rest }) => {
    delete request.headers.range;
    return after({ request, ...rest });
  };
}

/** Sends the content without its length. If `isCut`, sends only half, as if that were all. */
export function withoutLength(isCut = false): Answer {
  return ({ response, file: { content } }) => {
    response.writeHead(200);
    response.flushHeaders();
    response.end(isCut ? content.subarray(0, content.length >> 1) : content);
  };
}

/** Announces and sends a wrong number of bytes. */
export function withLength(length: number): Answer {
  return (exchange) => {
    const content = new Uint8Array(length);
    content.set(exchange.file.content.subarray(0, length));
    return answerWell({ ...exchange, file: { ...exchange.file, content } });
  };
}
