// Streams of events as OpenAI's client reads them.
import type { ImageEditStreamEvent, ImageGenStreamEvent } from "openai/resources/images";
import { toFile } from "openai";
import { afterEach, expect, test } from "vitest";
import { decodeImage } from "../../../src/image/decode.js";
import { encodeImage } from "../../../src/image/encode.js";
import { makeImage } from "../../../src/image/image.js";
import { ServerError } from "../../../src/server/server-error.js";
import { TestServer, type TestServerOptions } from "../support/test-server.js";
import { eventually } from "../support/eventually.js";

let server: TestServer;

async function start(options?: TestServerOptions) {
  server = await TestServer.start(options);
  return server.client();
}

afterEach(() => server.stop());

async function all<Event>(stream: AsyncIterable<Event>): Promise<Event[]> {
  const events: Event[] = [];
  for await (const event of stream) events.push(event);
  return events;
}

const partials = (events: readonly (ImageGenStreamEvent | ImageEditStreamEvent)[]) =>
  events.flatMap((event) => ("partial_image_index" in event ? [event.partial_image_index] : []));

test.each([0, 1, 2, 3])("sends %i partial images, then the image", async (partial_images) => {
  const client = await start({ behaviour: { steps: 8 } });
  const events = await all(await client.images.generate({ prompt: "x", stream: true, partial_images }));
  expect(partials(events)).toEqual(Array.from({ length: partial_images }, (_, i) => i));
  const last = events.at(-1)!;
  expect(last).toMatchObject({
    type: "image_generation.completed",
    background: "opaque",
    output_format: "png",
    quality: "auto",
    size: "32x32",
    usage: { input_tokens: 0, output_tokens: 0, total_tokens: 0 },
  });
  for (const event of events) {
    const { width, height } = await decodeImage(Buffer.from(event.b64_json, "base64"));
    expect([width, height]).toEqual([32, 32]);
  }
});

test("previews are spread evenly over the steps of the decoder", async () => {
  const client = await start({ behaviour: { steps: 10, imageSizes: [16, 32] } });
  const seen: number[] = [];
  let steps = 0;
  server.runner.behaviour.failure = () => {
    steps++;
  };
  const stream = await client.images.generate({ prompt: "x", stream: true, partial_images: 3 });
  for await (const event of stream) if (event.type === "image_generation.partial_image") seen.push(steps);
  expect(seen).toHaveLength(3);
  // 20 steps: a preview of the first half is made before the second U-Net ends.
  expect(server.runner.accepted[0]?.previewEvery).toBe(2);
});

test("sends each image of several with its number", async () => {
  const client = await start();
  const params = { prompt: "x", stream: true, n: 2, partial_images: 1, dalle2: { seed: 4 } } as const;
  const events = await all(await client.images.generate(params));
  const extensions = events.map((event) => ({ type: event.type, ...(event as unknown as { dalle2: object }).dalle2 }));
  expect(extensions).toMatchObject([
    { type: "image_generation.partial_image", index: 0 },
    { type: "image_generation.partial_image", index: 1 },
    { type: "image_generation.completed", index: 0, seed: 4 },
    { type: "image_generation.completed", index: 1, seed: 5 },
  ]);
});

test("streams edits, in the size and the format that is asked for", async () => {
  const client = await start();
  const erased = makeImage(16, 16, 4, new Uint8Array(16 * 16 * 4));
  const image = await toFile(await encodeImage(erased), "image.png", { type: "image/png" });
  const stream = await client.images.edit({
    image,
    prompt: "x",
    stream: true,
    partial_images: 1,
    size: "24x24",
    output_format: "webp",
    quality: "high",
  });
  const events = await all(stream);
  expect(events.map(({ type }) => type)).toEqual(["image_edit.partial_image", "image_edit.completed"]);
  for (const event of events) {
    expect(event).toMatchObject({ size: "24x24", output_format: "webp", quality: "high" });
    expect(Buffer.from(event.b64_json, "base64").toString("latin1", 8, 12)).toBe("WEBP");
  }
});

const everyPreview = { prompt: "x", stream: true, dalle2: { previewEvery: 1 } } as const;

test("dalle2.previewEvery sends every preview to who reads as fast as they are made", async () => {
  const client = await start({ behaviour: { steps: 2, stepMs: 100 } });
  expect(partials(await all(await client.images.generate(everyPreview)))).toEqual([0, 1, 2, 3]);
});

test("who reads more slowly gets the newest preview, and the image", async () => {
  // Steps are faster than anything can be sent.
  const client = await start({ behaviour: { steps: 500, stepMs: 0 } });
  const events = await all(await client.images.generate(everyPreview));
  const previews = partials(events);
  expect(previews.at(-1)).toBe(999);
  expect(previews.length).toBeLessThan(500);
  expect(previews).toEqual(previews.toSorted((a, b) => a - b));
  expect(events.at(-1)).toMatchObject({ type: "image_generation.completed" });
});

test("what fails before the stream begins has its status", async () => {
  const client = await start({ behaviour: { maxWaiting: 0, concurrency: 0 } });
  const params = { prompt: "x", stream: true } as const;
  await expect(client.images.generate(params)).rejects.toMatchObject({ status: 503, code: "queue_full" });
});

test("what fails later is an event that the client throws", async () => {
  const client = await start({ behaviour: { steps: 8 } });
  let step = 0;
  server.runner.behaviour.failure = () =>
    ++step < 12 ? undefined : new ServerError("model-failed", "The GPU was lost.");
  const stream = await client.images.generate({ prompt: "x", stream: true, partial_images: 2 });
  const events: unknown[] = [];
  const read = async () => {
    for await (const event of stream) events.push(event);
  };
  await expect(read()).rejects.toMatchObject({ message: "The GPU was lost.", code: "model_failed" });
  expect(events.length).toBeGreaterThan(0);
  await eventually(() => {
    expect(server.log.map(({ message }) => message)).toContain("a stream ended with an error");
  });
});

test("a stream that waits shows that it lives", async () => {
  await start({ settings: { heartbeatMs: 20 } });
  server.runner.hold();
  const body = JSON.stringify({ prompt: "x", stream: true });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${server.url}/v1/images/generations`, { method: "POST", body, headers });
  expect(response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  expect((await reader.read()).value).toBe(": waiting\n\n");
  server.runner.release();
  let rest = "";
  for (let part = await reader.read(); !part.done; part = await reader.read()) rest += part.value;
  expect(rest).toMatch(/event: image_generation.completed\ndata: \{.*\}\n\n$/s);
});

test("progress alone sends nothing", async () => {
  await start({ behaviour: { steps: 20, stepMs: 2 } });
  const body = JSON.stringify({ prompt: "x", stream: true });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${server.url}/v1/images/generations`, { method: "POST", body, headers });
  expect(await response.text()).toMatch(/^event: image_generation.completed\ndata: [^\n]*\n\n$/);
});

test("a client that breaks off ends its job", async () => {
  const client = await start({ behaviour: { steps: 1000, stepMs: 5 } });
  const stream = await client.images.generate({ prompt: "x", stream: true, partial_images: 3, n: 1 });
  stream.controller.abort();
  await eventually(() => {
    expect(server.runner.ended).toHaveLength(1);
  });
  expect(server.runner.ended[0]?.signal.reason).toMatchObject({ code: "closed-by-caller" });
});
