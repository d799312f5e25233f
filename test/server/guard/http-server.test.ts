import { describe, expect, it } from "vitest";
import { Hono } from "hono";
import type { ServerEnv } from "../../../src/server/context.js";
import { eventually } from "../support/eventually.js";
import { listenWith, RawClient } from "../support/guarded-app.js";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const app = new Hono<ServerEnv>();
app.onError((_, c) => c.text("failed", 500));
app.get("/", (c) => c.text("hello"));
app.post("/", async (c) => c.text(await c.req.text()));
app.get("/slow", async (c) => {
  await pause(800);
  return c.text("worth waiting");
});
// Far more than the buffers of sockets.
app.get("/large", (c) => c.body(new Uint8Array(64 * 2 ** 20)));

/** Sends a part every 50 ms, until the connection is closed. Returns the time that took. */
async function trickle(client: RawClient, start: string, part: string): Promise<number> {
  const begun = Date.now();
  client.send(start);
  while (!client.isClosed && Date.now() - begun < 10_000) {
    client.send(part);
    await pause(50);
  }
  return Date.now() - begun;
}

describe("a client", () => {
  it("that sends its headers slowly is cut off", async () => {
    await using server = await listenWith(app, { headersMs: 300 });
    const client = await RawClient.connect(server.port);
    const ms = await trickle(client, "GET / HTTP/1.1\r\nHost: localhost\r\n", "X-A: b\r\n");
    expect([client.status, client.isClosed]).toEqual([408, true]);
    expect(ms).toBeLessThan(9000);
  });

  it("that says nothing is cut off", async () => {
    await using server = await listenWith(app, { headersMs: 300 });
    const client = await RawClient.connect(server.port);
    await client.closed;
    expect(client.isClosed).toBe(true);
  });

  it("that sends its body slowly is cut off", async () => {
    await using server = await listenWith(app, { headersMs: 200, requestMs: 500 });
    const client = await RawClient.connect(server.port);
    const ms = await trickle(client, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n", "x");
    expect(client.isClosed).toBe(true);
    expect(ms).toBeLessThan(9000);
  });

  it("that waits for a slow answer is not cut off", async () => {
    await using server = await listenWith(app, { headersMs: 200, requestMs: 300, stalledMs: 100, keepAliveMs: 100 });
    expect(await (await fetch(`${server.url}/slow`)).text()).toBe("worth waiting");
  });

  it("that keeps its connection without a request is cut off", async () => {
    await using server = await listenWith(app, { keepAliveMs: 100, stalledMs: 60_000 });
    const client = await RawClient.connect(server.port);
    client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await Promise.race([client.closed, pause(5000)]);
    expect([client.status, client.isClosed]).toEqual([200, true]);
  });

  it("that does not read its answer is cut off", async () => {
    await using server = await listenWith(app, { stalledMs: 300 });
    const client = await RawClient.connect(server.port);
    client.pause();
    client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    await pause(1500);
    // What was on the way arrives, then the connection ends early.
    client.resume();
    await client.closed;
    expect(client.text.length).toBeLessThan(64 * 2 ** 20);
  });

  it("that sends large headers gets 431", async () => {
    await using server = await listenWith(app, { maxHeaderBytes: 2000 });
    const client = await RawClient.connect(server.port);
    client.send(`GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ${"a".repeat(3000)}\r\n\r\n`);
    await client.closed;
    expect(client.status).toBe(431);
  });
});

it("further connections are closed at once, and possible again when others end", async () => {
  await using server = await listenWith(app, { maxConnections: 2 });
  const [first, second] = [await RawClient.connect(server.port), await RawClient.connect(server.port)];
  const third = await RawClient.connect(server.port);
  await third.closed;
  expect([first.isClosed, second.isClosed]).toEqual([false, false]);
  first.close();
  await eventually(async () => {
    expect(await (await fetch(server.url)).text()).toBe("hello");
  });
});
