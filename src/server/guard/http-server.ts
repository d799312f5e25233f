import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";

/** Limits of connections, against clients that are slow, silent or many. */
export interface ConnectionLimits {
  /** Connections at the same time. Further ones are closed at once. */
  readonly maxConnections: number;
  /** Milliseconds for the headers of a request. */
  readonly headersMs: number;
  /** Milliseconds for a whole request, with its body. */
  readonly requestMs: number;
  /** Milliseconds that a connection is kept without a request. */
  readonly keepAliveMs: number;
  /** Milliseconds without progress after which a client that does not read its answer is cut off. */
  readonly stalledMs: number;
  /** Bytes of the headers of a request. */
  readonly maxHeaderBytes: number;
}

/** Generous for slow phones; strangers hold a connection for two minutes at most unless the server works for them. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  maxConnections: 1000,
  headersMs: 20_000,
  requestMs: 120_000,
  keepAliveMs: 10_000,
  stalledMs: 30_000,
  maxHeaderBytes: 16 * 2 ** 10,
};

const MAX_HEADERS = 100;
/** After that many requests a connection is closed, so that a load balancer spreads them. */
const MAX_REQUESTS_PER_SOCKET = 1000;

/**
 * Node's HTTP server with limits for each connection. Node answers 408 to a request that takes too long to arrive and 431 to
 * headers that are too large, and closes the connection. A client that waits for its answer is not disturbed.
 */
export function createGuardedServer(listener: RequestListener, limits: ConnectionLimits = CONNECTION_LIMITS): Server {
  const server = createServer(
    {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      maxHeaderSize: limits.maxHeaderBytes,
      // How late these times may be noticed.
      connectionsCheckingInterval: Math.min(5000, limits.headersMs),
      // `Guard.origin` asks for one, with an answer that has an id.
      requireHostHeader: false,
    },
    listener,
  );
  server.maxConnections = limits.maxConnections;
  server.maxHeadersCount = MAX_HEADERS;
  server.maxRequestsPerSocket = MAX_REQUESTS_PER_SOCKET;
  const isAnswering = answeringSockets(server);
  // Nothing came or went for that time, or, between two requests, for that of `keepAliveMs`. That is fine only while an image is
  // generated. With this listener, Node closes no idle connection by itself.
  server.setTimeout(limits.stalledMs, (socket) => {
    if (socket.writableLength > 0 || !isAnswering(socket)) socket.destroy();
  });
  return server;
}

/** Knows whether a connection has a request that is not answered yet. */
function answeringSockets(server: Server): (socket: Socket) => boolean {
  const counts = new WeakMap<Socket, number>();
  const add = (socket: Socket, more: number): void => {
    counts.set(socket, (counts.get(socket) ?? 0) + more);
  };
  server.on("request", ({ socket }, response) => {
    add(socket, 1);
    response.once("close", () => {
      add(socket, -1);
    });
  });
  return (socket) => (counts.get(socket) ?? 0) > 0;
}
