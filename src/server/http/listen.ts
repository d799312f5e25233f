// The app on a socket.
import { randomUUID } from "node:crypto";
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import { createGuardedServer, type ConnectionLimits } from "../guard/http-server.js";
import { ServerError } from "../server-error.js";
import type { ServerApp } from "./app.js";
import { errorBody } from "./errors.js";

/** Where a server listens. */
export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** Default: `CONNECTION_LIMITS`. */
  readonly limits?: ConnectionLimits | undefined;
}

/** A server that listens. */
export interface RunningServer {
  /** `http://host:port`. */
  readonly url: string;
  readonly port: number;
  /** Takes no more connections. Resolves when the last one is closed, or after some time, when it closes those that are left. */
  close(graceMs: number): Promise<void>;
}

/** How often idle connections are closed while a server ends. */
const IDLE_MS = 50;

/** Listens. Rejects with the error of Node if the port cannot be used. */
export async function listen(app: ServerApp, { host, port, limits }: ListenOptions): Promise<RunningServer> {
  const listener = getRequestListener(app.fetch, {
    hostname: host,
    errorHandler: (error) => answerUnreadable(error),
  });
  const server = createGuardedServer((...args) => void listener(...args), limits);
  const answers = new WeakMap<Duplex, ServerResponse>();
  server.on("request", (request, response) => answers.set(request.socket, response));
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    const response = answers.get(socket);
    // In the middle of an answer, another would be taken for a part of it.
    if (response?.headersSent && !response.writableFinished) socket.destroy();
    else answerBroken(error, socket);
  });
  server.on("checkExpectation", answerExpectation);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve();
    });
  });
  const bound = (server.address() as AddressInfo).port;
  return {
    url: `http://${host.includes(":") ? `[${host}]` : host}:${bound}`,
    port: bound,
    close: (graceMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          server.closeAllConnections();
        }, graceMs);
        // A connection whose last answer is sent is idle then, and would be kept for the next request.
        const idle = setInterval(() => {
          server.closeIdleConnections();
        }, IDLE_MS);
        server.close(() => {
          clearTimeout(timer);
          clearInterval(idle);
          resolve();
        });
      }),
  };
}

/** Answers a request that cannot be given to the app: its host or path is malformed. */
function answerUnreadable(error: unknown): Response {
  const problem =
    error instanceof Error && error.name === "RequestError"
      ? new ServerError("bad-request", `The request cannot be read: ${error.message}.`)
      : new ServerError("failed", "The server failed to answer.");
  return Response.json(errorBody(problem), { status: problem.status, headers: { "x-request-id": requestId() } });
}

/** What Node's parser refuses. */
const BROKEN: Readonly<Record<string, { readonly status: number; readonly message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: "The headers of the request are too large." },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: "The request did not arrive in time." },
};

/** Answers bytes that are no HTTP, and requests that do not arrive in time. */
function answerBroken(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const { status, message } = BROKEN[error.code ?? ""] ?? { status: 400, message: "The request is not HTTP." };
  const body = JSON.stringify(errorBody(new ServerError("bad-request", message)));
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}`,
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId()}`,
    "Connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${body}`);
}

/** Answers a request whose header `Expect` has another value than `100-continue`. Node's own answer has no id. */
function answerExpectation(_: IncomingMessage, response: ServerResponse): void {
  const problem = new ServerError("bad-request", "The header Expect must be 100-continue, or absent.");
  const body = JSON.stringify(errorBody(problem));
  response.writeHead(417, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "x-request-id": requestId(),
    connection: "close",
  });
  response.end(body);
}

function requestId(): string {
  return `req_${randomUUID()}`;
}
