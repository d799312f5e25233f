import { describe, expect, it } from "vitest";
import {
  guardedApp,
  listenWith,
  RawClient,
  testGuard,
  testKeys,
  type GuardTestOptions,
} from "../support/guarded-app.js";
import { eventually } from "../support/eventually.js";

/** A server that reads bodies in several ways, with at most 1000 bytes. */
function serve(options: GuardTestOptions = {}, read: string[] = []) {
  const app = guardedApp(testGuard(options), (routes) => {
    routes.post("/text", async (c) => {
      const text = await c.req.text();
      read.push(text);
      return c.json({ length: text.length });
    });
    routes.post("/form", async (c) => {
      const form = await c.req.formData();
      return c.json({ names: [...form.keys()] });
    });
    // Takes a problem of the body for one of its own.
    routes.post("/blind", async (c) => c.text(await c.req.text().catch(() => "could not read")));
    routes.post("/unread", (c) => c.text("not needed"));
    routes.post("/hold", async (c) => {
      await c.req.text();
      await new Promise((resolve) => setTimeout(resolve, 300));
      return c.text("held");
    });
  });
  return listenWith(app);
}

/** A body without Content-Length. */
function chunked(sizes: readonly number[]): { readonly body: ReadableStream; readonly sent: () => number } {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      const size = sizes[sent];
      if (size === undefined) controller.close();
      else controller.enqueue(new Uint8Array(size));
      sent++;
      await new Promise((resolve) => setTimeout(resolve, 1));
    },
  });
  return { body, sent: () => sent };
}

type Init = RequestInit & { readonly duplex?: "half" };
const post = (url: string, init: Init) => fetch(url, { method: "POST", ...init });
const half = { duplex: "half" } as const;

describe("a body", () => {
  it("may have the largest size, with and without Content-Length", async () => {
    await using server = await serve();
    const answer = await post(`${server.url}/text`, { body: "x".repeat(1000) });
    expect(await answer.json()).toEqual({ length: 1000 });
    const streamed = await post(`${server.url}/text`, { body: chunked([400, 400, 200]).body, ...half });
    expect(await streamed.json()).toEqual({ length: 1000 });
    const form = new FormData();
    form.set("prompt", "a red circle");
    form.set("image", new Blob([new Uint8Array(100)]), "image.png");
    expect(await (await post(`${server.url}/form`, { body: form })).json()).toEqual({ names: ["prompt", "image"] });
  });

  it("with a larger Content-Length is refused unread, and the connection closed", async () => {
    const read: string[] = [];
    await using server = await serve({}, read);
    const client = await RawClient.connect(server.port);
    client.send("POST /text HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1001\r\n\r\n");
    await eventually(() => {
      expect(client.text).toContain("too-large");
    });
    expect([client.status, /connection: close/i.test(client.text), read]).toEqual([413, true, []]);
    await client.closed;
  });

  it.each(["/text", "/form", "/blind"])("that grows too large is refused on the way: %s", async (path) => {
    const read: string[] = [];
    await using server = await serve({}, read);
    // 100 MB in all.
    const { body, sent } = chunked(new Array<number>(1000).fill(100_000));
    const headers = path === "/form" ? { "content-type": "multipart/form-data; boundary=x" } : {};
    const answer = await post(server.url + path, { body, headers, ...half }).catch(() => undefined);
    // A client that still sends may see its connection closed before the answer.
    if (answer)
      expect([answer.status, await answer.json()]).toEqual([413, expect.objectContaining({ code: "too-large" })]);
    expect(sent()).toBeLessThan(500);
    expect(read).toEqual([]);
  });

  it.each(["/text", "/form", "/blind"])("that grows too large is answered with 413: %s", async (path) => {
    await using server = await serve();
    const client = await RawClient.connect(server.port);
    const type = "Content-Type: multipart/form-data; boundary=x";
    client.send(`POST ${path} HTTP/1.1\r\nHost: localhost\r\n${type}\r\nTransfer-Encoding: chunked\r\n\r\n`);
    // 1001 bytes, and more to come.
    client.send(`3e9\r\n${"x".repeat(1001)}\r\n`);
    await eventually(() => {
      expect([client.status, client.text.includes("too-large")]).toEqual([413, true]);
    });
    client.close();
  });

  it("that nobody reads is no obstacle", async () => {
    await using server = await serve();
    const answer = await post(`${server.url}/unread`, { body: chunked([10, 10]).body, ...half });
    expect(await answer.text()).toBe("not needed");
  });

  it("that ends in the middle ends its request, and gives back what it held", async () => {
    await using server = await serve({ maxBodyBytesAtOnce: 1000 });
    const client = await RawClient.connect(server.port);
    client.send(`POST /text HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n${"x".repeat(900)}`);
    await eventually(async () => {
      expect((await post(`${server.url}/text`, { body: "x".repeat(500) })).status).toBe(503);
    });
    client.close();
    await eventually(async () => {
      expect((await post(`${server.url}/text`, { body: "x".repeat(500) })).status).toBe(200);
    });
  });
});

describe("all bodies together", () => {
  it("are bounded while they are held", async () => {
    await using server = await serve({ maxBodyBytesAtOnce: 1500 });
    const first = post(`${server.url}/hold`, { body: "x".repeat(1000) });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const second = await post(`${server.url}/text`, { body: "x".repeat(600) });
    expect([second.status, second.headers.get("retry-after")]).toEqual([503, "1"]);
    expect((await first).status).toBe(200);
    expect((await post(`${server.url}/text`, { body: "x".repeat(600) })).status).toBe(200);
  });

  it("of a key are bounded per hour", async () => {
    let now = 0;
    await using server = await serve({ keys: testKeys({ uploadBytesPerHour: 1000 }), now: () => now });
    const send = (body: Init["body"], key = "one") =>
      post(`${server.url}/text`, { body: body!, headers: { authorization: `Bearer ${key}` }, ...half });
    expect((await send("x".repeat(600))).status).toBe(200);
    const announced = await send("x".repeat(600));
    expect([announced.status, announced.headers.get("retry-after")]).toEqual([429, "720"]);
    expect((await send(chunked([300, 300]).body)).status).toBe(429);
    expect((await send("x".repeat(600), "two")).status).toBe(200);
    now = 3_600_000;
    expect((await send("x".repeat(600))).status).toBe(200);
  });
});
