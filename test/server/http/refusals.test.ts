// Answers to what Node itself would refuse, and to what quotes the caller: each has an id, and controls no terminal.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ErrorBody } from "../../../src/server/http/errors.js";
import { eventually } from "../support/eventually.js";
import { RawClient } from "../support/guarded-app.js";
import { TestServer } from "../support/test-server.js";

let server: TestServer;
beforeAll(async () => {
  server = await TestServer.start();
});
afterAll(() => server.stop());

/** Sends a request and returns its answer. */
async function answerTo(request: string): Promise<{ status: number; text: string; error: ErrorBody["error"] }> {
  const client = await RawClient.connect(Number(new URL(server.url).port));
  client.send(`${request}\r\nConnection: close\r\n\r\n`);
  await client.closed;
  const { status, text } = client;
  return { status, text, ...(JSON.parse(text.slice(text.indexOf("{"))) as ErrorBody) };
}

describe("an answer with an id", () => {
  it.each([
    ["an expectation that is not known", 417, "GET /healthz HTTP/1.1\r\nHost: localhost\r\nExpect: 200-ok"],
    ["no Host", 400, "GET /healthz HTTP/1.1\r\nX-A: b"],
    ["headers that are too large", 431, `GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ${"a".repeat(2 ** 15)}`],
    ["what is no HTTP", 400, "hello"],
  ])("to %s", async (_, status, request) => {
    const answer = await answerTo(request);
    expect(answer.status).toBe(status);
    expect(answer.text).toMatch(/^x-request-id: req_[0-9a-f-]+\r$/im);
    expect(answer.error).toMatchObject({ type: "invalid_request_error", param: null });
  });
});

it("what is sent after a request that closes does not write into the stream of its answer", async () => {
  server.runner.behaviour.stepMs = 20;
  const body = JSON.stringify({ prompt: "a", stream: true, partial_images: 2 });
  const head = ["POST /v1/images/generations HTTP/1.1", "Host: localhost", "Content-Type: application/json"];
  const client = await RawClient.connect(Number(new URL(server.url).port));
  client.send(`${[...head, `Content-Length: ${body.length}`, "Connection: close"].join("\r\n")}\r\n\r\n${body}`);
  await eventually(() => {
    expect(client.text).toContain("text/event-stream");
  });
  client.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
  await client.closed;
  server.runner.behaviour.stepMs = 0;
  expect(client.text.match(/HTTP\/1\.1/g)).toHaveLength(1);
});

it("a path with control characters is quoted without them", async () => {
  const { status, error } = await answerTo("GET /a%1b%5b31m%c2%9b%0ab HTTP/1.1\r\nHost: localhost");
  expect(status).toBe(404);
  expect(error.message).toContain("/a");
  expect(error.message).not.toMatch(/\p{Cc}/u);
});

it("the name of a parameter with control characters is quoted without them", async () => {
  const response = await fetch(`${server.url}/v1/images/generations`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ prompt: "a", ["\u009b31m"]: 1 }),
  });
  const { error } = (await response.json()) as ErrorBody;
  expect(response.status).toBe(400);
  expect(error.param).not.toMatch(/\p{Cc}/u);
  expect(error.message).not.toMatch(/\p{Cc}/u);
});
