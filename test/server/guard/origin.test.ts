import { describe, expect, it } from "vitest";
import type { Hono } from "hono";
import type { ServerEnv } from "../../../src/server/context.js";
import { guardedApp, testGuard } from "../support/guarded-app.js";

const app = guardedApp(testGuard({ allowedOrigins: ["https://app.example.com"] }), (routes) => {
  routes.get("/", (c) => c.text("hello"));
  routes.get("/own", () => new Response("page", { headers: { "Content-Security-Policy": "default-src 'self'" } }));
  routes.get("/kept", (c) => c.body("kept", 200, { "Cache-Control": "private, max-age=60" }));
  routes.post("/", (c) => c.text("done"));
});

const ask = (path: string, headers: Record<string, string> = {}, method = "GET", of: Hono<ServerEnv> = app) =>
  of.request(path, { method, headers: { host: "127.0.0.1:8000", ...headers } });

describe("every answer", () => {
  it.each(["/", "/nothing", "/own"])("has headers for security, and is not kept: %s", async (path) => {
    const { headers } = await ask(path);
    expect(Object.fromEntries(headers)).toMatchObject({
      "cache-control": "no-store",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
    const policy = path === "/own" ? "default-src 'self'" : "default-src 'none'; frame-ancestors 'none'";
    expect(headers.get("content-security-policy")).toBe(policy);
  });

  it("may say otherwise", async () => {
    expect((await ask("/kept")).headers.get("cache-control")).toBe("private, max-age=60");
  });
});

describe("a request with a strange Host", () => {
  it("is refused, with headers for security too", async () => {
    const answer = await ask("/", { host: "evil.example" });
    expect([answer.status, await answer.json()]).toEqual([
      403,
      { code: "not-allowed", message: expect.stringContaining("--allowed-host") as string },
    ]);
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("is refused before its preflight is answered", async () => {
    const headers = {
      host: "evil.example",
      origin: "https://app.example.com",
      "access-control-request-method": "POST",
    };
    expect((await ask("/", headers, "OPTIONS")).status).toBe(403);
  });
});

describe("a page", () => {
  it("of this server may call it, without CORS", async () => {
    const answer = await ask("/", { origin: "http://127.0.0.1:8000" }, "POST");
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([200, null]);
  });

  it.each(["https://evil.example", "null", "http://127.0.0.1:9000"])("of %s may not", async (origin) => {
    for (const method of ["GET", "POST", "OPTIONS"]) {
      const answer = await ask("/", { origin, "access-control-request-method": "POST" }, method);
      expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([403, null]);
    }
  });

  it("of an allowed origin may call it, and read its limits", async () => {
    const answer = await ask("/", { origin: "https://app.example.com" }, "POST");
    expect(await answer.text()).toBe("done");
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "access-control-allow-origin": "https://app.example.com",
      "access-control-expose-headers": expect.stringContaining("x-ratelimit-remaining-requests") as string,
      "cross-origin-resource-policy": "cross-origin",
      vary: "Origin",
    });
    expect(answer.headers.has("access-control-allow-credentials")).toBe(false);
  });

  it("of an allowed origin may read errors", async () => {
    const answer = await ask("/nothing", { origin: "https://app.example.com" });
    expect([answer.status, answer.headers.get("access-control-allow-origin")]).toEqual([
      404,
      "https://app.example.com",
    ]);
  });

  it("of an allowed origin gets its preflight answered, without a key", async () => {
    const answer = await ask(
      "/",
      {
        origin: "https://app.example.com",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization, content-type, x-stainless-lang",
        "access-control-request-private-network": "true",
      },
      "OPTIONS",
    );
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "access-control-allow-headers": "authorization, content-type, x-stainless-lang",
      "access-control-allow-methods": "GET, HEAD, POST, DELETE",
      "access-control-allow-origin": "https://app.example.com",
      "access-control-allow-private-network": "true",
    });
  });
});
