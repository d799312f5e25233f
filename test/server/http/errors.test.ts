// What goes wrong, as OpenAI's client throws it, and what the server does about it.
import { connect } from "node:net";
import OpenAI, { toFile } from "openai";
import { afterEach, describe, expect, test } from "vitest";
import { ArgumentError } from "../../../src/platform/arguments.js";
import { FileError } from "../../../src/platform/errors.js";
import { encodeImage } from "../../../src/image/encode.js";
import { makeImage } from "../../../src/image/image.js";
import { ERROR_NAMES } from "../../../src/server/http/errors.js";
import { SERVER_ERRORS, ServerError, type ServerErrorCode } from "../../../src/server/server-error.js";
import { eventually } from "../support/eventually.js";
import { TestServer, type TestServerOptions } from "../support/test-server.js";

let server: TestServer;

async function start(options?: TestServerOptions) {
  server = await TestServer.start(options);
  return server.client();
}

afterEach(() => server.stop());

const JSON_TYPE = { "content-type": "application/json" };

function post(path: string, body: BodyInit, headers: Readonly<Record<string, string>> = JSON_TYPE) {
  return fetch(`${server.url}${path}`, { method: "POST", body, headers });
}

function form(fields: Readonly<Record<string, string | Blob>>): FormData {
  const data = new FormData();
  for (const [name, value] of Object.entries(fields)) data.append(name, value);
  return data;
}

async function png(side = 8, channels: 3 | 4 = 4): Promise<Blob> {
  const bytes = await encodeImage(makeImage(side, side, channels, new Uint8Array(side * side * channels)));
  return new File([bytes], "image.png", { type: "image/png" });
}

/** The class that the client throws for a status. */
const CLASSES: Readonly<Record<number, new (...args: never) => Error>> = {
  400: OpenAI.BadRequestError,
  401: OpenAI.AuthenticationError,
  403: OpenAI.PermissionDeniedError,
  404: OpenAI.NotFoundError,
  409: OpenAI.ConflictError,
  422: OpenAI.UnprocessableEntityError,
  429: OpenAI.RateLimitError,
};

test.each(Object.keys(SERVER_ERRORS) as ServerErrorCode[])("%s is the client's typed error", async (code) => {
  const client = await start();
  server.runner.behaviour.failure = () => new ServerError(code, "It failed.", { param: "prompt" });
  const error: unknown = await client.images.generate({ prompt: "x" }).catch((reason: unknown) => reason);
  const status = SERVER_ERRORS[code];
  expect(error).toBeInstanceOf(CLASSES[status] ?? (status >= 500 ? OpenAI.InternalServerError : OpenAI.APIError));
  expect(error).toMatchObject({ status, ...ERROR_NAMES[code], param: "prompt" });
  const { requestID, error: body } = error as InstanceType<typeof OpenAI.APIError>;
  expect(requestID).toMatch(/^req_/);
  expect(body).toMatchObject({ message: "It failed." });
});

test("an error of the library about an argument names the parameter", async () => {
  const client = await start();
  server.runner.behaviour.failure = () => new ArgumentError("decoderSteps[1]", "decoderSteps[1] must be a count.");
  await expect(client.images.generate({ prompt: "x" })).rejects.toMatchObject({
    status: 400,
    code: "argument/invalid",
    param: "dalle2.steps",
  });
});

test.each([new FileError("/home/somebody/weights.pth", "cannot be read"), new Error("secret /etc/passwd"), "a text"])(
  "%s stays in the log",
  async (failure) => {
    const client = await start();
    server.runner.behaviour.failure = () => failure;
    const error: unknown = await client.images.generate({ prompt: "x" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OpenAI.InternalServerError);
    expect(JSON.stringify(error)).not.toMatch(/somebody|passwd|a text/);
    const { requestID } = error as InstanceType<typeof OpenAI.APIError>;
    expect(server.log).toContainEqual(
      expect.objectContaining({ level: "error", requestId: requestID, error: failure }),
    );
  },
);

describe("repeated requests", () => {
  test("wait as long as a full queue asks for, then succeed", async () => {
    await start({ behaviour: { concurrency: 1, maxWaiting: 0, retryAfter: 1 } });
    const client = server.client({ maxRetries: 2 });
    server.runner.hold();
    const first = client.images.generate({ prompt: "x" });
    await eventually(() => {
      expect(server.runner.started).toHaveLength(1);
    });
    const begun = performance.now();
    const second = client.images.generate({ prompt: "y" });
    setTimeout(() => {
      server.runner.release();
    }, 100);
    await Promise.all([first, second]);
    // The client waits 0.4 to 0.5 s by itself.
    expect(performance.now() - begun).toBeGreaterThan(900);
  });

  test("are not made for what would fail again", async () => {
    await start();
    server.runner.behaviour.failure = () => new ServerError("model-failed", "It failed.");
    const client = server.client({ maxRetries: 3 });
    await expect(client.images.generate({ prompt: "x" })).rejects.toMatchObject({ status: 500 });
    expect(server.runner.accepted).toHaveLength(1);
  });

  test("with an Idempotency-Key get the images of the first", async () => {
    const client = await start();
    const options = { headers: { "Idempotency-Key": "once" } };
    const first = await client.images.generate({ prompt: "x" }, options);
    const { data: again, response } = await client.images.generate({ prompt: "x" }, options).withResponse();
    expect(again.data?.[0]?.b64_json).toBe(first.data?.[0]?.b64_json);
    expect(response.headers.get("idempotent-replayed")).toBe("true");
    expect(server.runner.generatedImages).toBe(1);
    await expect(client.images.generate({ prompt: "other" }, options)).rejects.toBeInstanceOf(OpenAI.ConflictError);
    const stream = await client.images.generate({ prompt: "x", stream: true }, options);
    const events: unknown[] = [];
    for await (const event of stream) events.push(event);
    expect(events).toMatchObject([{ type: "image_generation.completed", b64_json: first.data?.[0]?.b64_json }]);
    expect(server.runner.generatedImages).toBe(1);
  });
});

test("the job of a client that has gone is aborted", async () => {
  const client = await start({ behaviour: { steps: 1000, stepMs: 5 } });
  const abort = new AbortController();
  const call = client.images.generate({ prompt: "x" }, { signal: abort.signal });
  await eventually(() => {
    expect(server.runner.started).toHaveLength(1);
  });
  abort.abort();
  await expect(call).rejects.toBeInstanceOf(OpenAI.APIUserAbortError);
  await eventually(() => {
    expect(server.runner.ended).toHaveLength(1);
  });
});

test("the job of a request is aborted at the deadline", async () => {
  const client = await start({ behaviour: { steps: 1000, stepMs: 5 }, settings: { deadlineMs: 100 } });
  await expect(client.images.generate({ prompt: "x" })).rejects.toMatchObject({
    status: 504,
    code: "deadline_exceeded",
  });
  expect(server.runner.ended).toHaveLength(1);
});

test.each<[string, object, string | null]>([
  ["no prompt", {}, "prompt"],
  ["an empty prompt", { prompt: "" }, "prompt"],
  ["a prompt that is no text", { prompt: 5 }, "prompt"],
  ["no images", { prompt: "x", n: 0 }, "n"],
  ["a fraction of an image", { prompt: "x", n: 1.5 }, "n"],
  ["more images than the key may ask for", { prompt: "x", n: 11 }, "n"],
  ["a size that is none", { prompt: "x", size: "big" }, "size"],
  ["a size of nothing", { prompt: "x", size: "0x64" }, "size"],
  ["a size that is too large", { prompt: "x", size: "99999x99999" }, "size"],
  ["an unknown format", { prompt: "x", output_format: "gif" }, "output_format"],
  ["compression of png", { prompt: "x", output_compression: 50 }, "output_compression"],
  ["too many partial images", { prompt: "x", partial_images: 4 }, "partial_images"],
  ["a stream of URLs", { prompt: "x", stream: true, response_format: "url" }, "response_format"],
  ["an unknown parameter", { prompt: "x", steps: 5 }, "steps"],
  ["an unknown parameter of ours", { prompt: "x", dalle2: { step: 5 } }, "dalle2.step"],
  ["one of another route", { prompt: "x", dalle2: { from: "y" } }, "dalle2.from"],
  ["too much noise", { prompt: "x", dalle2: { noiseLevel: 1000 } }, "dalle2.noiseLevel"],
  ["too many steps", { prompt: "x", dalle2: { steps: 100_000 } }, "dalle2.steps"],
  ["a wrong step in a list", { prompt: "x", dalle2: { steps: [5, 0] } }, "dalle2.steps.1"],
  ["lists of other lengths", { prompt: "x", dalle2: { steps: [1, 2], condScale: [1] } }, "dalle2.condScale"],
  ["a seed that is not exact", { prompt: "x", dalle2: { seed: 2 ** 53 } }, "dalle2.seed"],
  ["a sampler that is none", { prompt: "x", dalle2: { sampler: "euler" } }, "dalle2.sampler"],
  ["a list in place of the object", { prompt: "x", dalle2: [] }, "dalle2"],
])("%s is refused by name", async (_, body, param) => {
  await start();
  const response = await post("/v1/images/generations", JSON.stringify(body));
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { type: "invalid_request_error", param } });
  expect(server.runner.accepted).toHaveLength(0);
});

test.each<[string, number, () => Promise<Response>]>([
  ["a body that is no JSON", 400, () => post("/v1/images/generations", "{")],
  ["a list", 400, () => post("/v1/images/generations", "[]")],
  ["JSON that nests too deep", 400, () => post("/v1/images/generations", `{"prompt":${"[".repeat(1000)}`)],
  ["a key that replaces prototypes", 400, () => post("/v1/images/generations", `{"__proto__":{}, "prompt":"x"}`)],
  ["a body of another type", 415, () => post("/v1/images/generations", "prompt=x", { "content-type": "text/plain" })],
  ["JSON for a form", 415, () => post("/v1/images/edits", "{}")],
  [
    "a form that is none",
    400,
    () => post("/v1/images/edits", "x", { "content-type": "multipart/form-data; boundary=b" }),
  ],
  ["a form without boundary", 400, () => post("/v1/images/edits", "x", { "content-type": "multipart/form-data" })],
  ["a form without image", 400, () => post("/v1/images/variations", form({ n: "1" }), {})],
  ["a text for an image", 400, () => post("/v1/images/variations", form({ image: "x" }), {})],
  [
    "a file for a text",
    400,
    async () => post("/v1/images/variations", form({ image: await png(), n: await png() }), {}),
  ],
  ["a broken object", 400, async () => post("/v1/images/variations", form({ image: await png(), dalle2: "{" }), {})],
  ["a number that is none", 400, async () => post("/v1/images/variations", form({ image: await png(), n: "two" }), {})],
  ["a field that is too long", 413, async () => post("/v1/images/edits", form({ prompt: "x".repeat(200_000) }), {})],
  ["an image of too many pixels", 413, async () => post("/v1/images/variations", form({ image: await png(1100) }), {})],
  [
    "too many fields",
    413,
    () => post("/v1/images/edits", form(Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`f${i}`, ""]))), {}),
  ],
  ["a path that is none", 404, () => fetch(`${server.url}/v1/chat/completions`)],
  ["a wrong method", 405, () => fetch(`${server.url}/v1/images/generations`)],
  ["an unknown model", 404, () => post("/v1/images/generations", JSON.stringify({ prompt: "x", model: "dall-e-9" }))],
])("%s is answered in the shape of errors", async (_, status, send) => {
  await start();
  const response = await send();
  const body = (await response.json()) as { readonly error: { readonly message: string } };
  expect([response.status, body.error.message]).toEqual([status, expect.stringMatching(/./)]);
  expect(response.headers.get("x-request-id")).toMatch(/^req_/);
});

test("images that are held at once are bounded by their pixels", async () => {
  const client = await start({ settings: { maxPixelsAtOnce: 100 }, behaviour: { steps: 2 } });
  server.runner.hold();
  const image = async () => toFile(await encodeImage(makeImage(8, 8, 4, new Uint8Array(256))), "image.png");
  const first = client.images.createVariation({ image: await image() });
  await eventually(() => {
    expect(server.runner.started).toHaveLength(1);
  });
  await expect(client.images.createVariation({ image: await image() })).rejects.toMatchObject({ status: 503 });
  server.runner.release();
  await first;
  await client.images.createVariation({ image: await image() });
});

test.each([
  ["bytes that are no HTTP", "\x16\x03\x01\x00\xff", 400],
  ["a malformed host", "GET /v1/models HTTP/1.1\r\nHost: a b\r\n\r\n", 400],
  ["headers without end", `GET / HTTP/1.1\r\nHost: x\r\nx: ${"x".repeat(40_000)}`, 431],
])("%s are answered with an id", async (_, bytes, status) => {
  await start();
  const socket = connect(Number(new URL(server.url).port), "127.0.0.1");
  socket.write(bytes, "latin1");
  let answer = "";
  for await (const chunk of socket) {
    answer += String(chunk);
    if (answer.endsWith("}")) break;
  }
  expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(answer).toMatch(/x-request-id: req_/i);
  expect(answer).toMatch(/\{"error":\{.*\}\}$/);
});
