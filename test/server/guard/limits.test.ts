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

const ask = (key?: string, path = "/") =>
  new Request(`http://127.0.0.1${path}`, {
    headers: { host: "127.0.0.1", ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
  });

function limited(options: GuardTestOptions) {
  const guard = testGuard(options);
  let giveBack = (): void => undefined;
  const app = guardedApp(guard, (routes) => {
    routes.get("/", (c) => c.text(c.get("owner").id));
    routes.get("/images/:n", (c) => {
      giveBack = guard.takeImages(c, Number(c.req.param("n")));
      return c.text("generated");
    });
    routes.get("/metrics", guard.metricsAllowed, (c) => c.text("numbers"));
  });
  return {
    app,
    giveBack: () => {
      giveBack();
    },
  };
}

describe("a server with keys", () => {
  const { app } = limited({ keys: testKeys() });

  it("knows who asks", async () => {
    expect(await (await app.request(ask("two"))).text()).toBe("two");
  });

  it.each([
    ["none", undefined, "needs a key"],
    ["unknown", "three", "not known"],
    ["empty", "", "needs a key"],
    ["endless", "x".repeat(5000), "needs a key"],
  ])("refuses a key that is %s", async (_, key, reason) => {
    const answer = await app.request(ask(key));
    expect([answer.status, answer.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect(await answer.text()).toContain(reason);
  });

  it("shows metrics to keys that were made for it", async () => {
    expect((await app.request(ask("one", "/metrics"))).status).toBe(403);
    expect((await app.request(ask("two", "/metrics"))).status).toBe(200);
  });
});

it("a server without keys takes all as one owner", async () => {
  const { app } = limited({});
  expect(await (await app.request(ask())).text()).toBe("local");
});

describe("requests per minute", () => {
  it("are counted for each key, and come back with time", async () => {
    let now = 0;
    const { app } = limited({ keys: testKeys({ requestsPerMinute: 2 }), now: () => now });
    const first = await app.request(ask("one"));
    expect(Object.fromEntries(first.headers)).toMatchObject({
      "x-ratelimit-limit-requests": "2",
      "x-ratelimit-remaining-requests": "1",
      "x-ratelimit-reset-requests": "30s",
    });
    await app.request(ask("one"));
    const third = await app.request(ask("one"));
    expect([third.status, third.headers.get("retry-after"), await third.json()]).toEqual([
      429,
      "30",
      { code: "rate-limit", message: "this key may send 2 requests per minute; try again in 30s" },
    ]);
    expect((await app.request(ask("two"))).status).toBe(200);
    now = 30_000;
    expect((await app.request(ask("one"))).status).toBe(200);
  });
});

describe("images per hour", () => {
  const hour = () => limited({ keys: testKeys({ imagesPerHour: 10, imagesPerRequest: 6 }), now: () => 0 });

  it("are counted, and given back once", async () => {
    const { app, giveBack } = hour();
    const first = await app.request(ask("one", "/images/6"));
    expect(first.headers.get("x-ratelimit-remaining-images")).toBe("4");
    const second = await app.request(ask("one", "/images/5"));
    expect([second.status, second.headers.get("retry-after"), second.headers.get("x-should-retry")]).toEqual([
      429,
      "360",
      "false",
    ]);
    expect(await second.text()).toContain("this key may generate 10 images per hour; 4 images are left now");
    giveBack();
    giveBack();
    expect((await app.request(ask("one", "/images/6"))).status).toBe(200);
    expect((await app.request(ask("one", "/images/5"))).status).toBe(429);
  });

  it("are bounded for one request", async () => {
    const answer = await hour().app.request(ask("one", "/images/7"));
    expect([answer.status, await answer.json()]).toEqual([
      400,
      { code: "bad-request", message: "7 images in one request are too many; the maximum is 6" },
    ]);
  });
});

describe("concurrent requests", () => {
  it("are counted until the whole answer was sent or its client has gone", async () => {
    const guard = testGuard({ keys: testKeys({ concurrentRequests: 1 }) });
    const app = guardedApp(guard, (routes) => {
      routes.get("/fast", (c) => c.text("fast"));
      routes.get("/stream", (c) =>
        c.body(
          new ReadableStream({
            start: (one) => {
              one.enqueue(new TextEncoder().encode("begun"));
            },
          }),
        ),
      );
    });
    await using server = await listenWith(app);
    const fast = async () => (await fetch(`${server.url}/fast`, { headers: { authorization: "Bearer one" } })).status;
    const client = await RawClient.connect(server.port);
    client.send("GET /stream HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer one\r\n\r\n");
    await eventually(() => {
      expect(client.text).toContain("begun");
    });
    expect(await fast()).toBe(429);
    client.close();
    await eventually(async () => {
      expect(await fast()).toBe(200);
    });
  });
});
