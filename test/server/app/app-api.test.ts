// The API that the app uses, and the app's files, on a socket.
import { mkdtemp, mkdir, writeFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { makeImage } from "../../../src/image/image.js";
import { encodePng } from "../../../src/image/png.js";
import { SamplingError } from "../../../src/diffusion/sampling-error.js";
import { packageFile } from "../../../src/platform/node.js";
import { pageFiles } from "../../../src/server/app/page-files.js";
import type { JobEvent } from "../../../src/server/app/schemas.js";
import { eventually } from "../support/eventually.js";
import { TestServer, type TestServerOptions } from "../support/test-server.js";

const parameters = { task: "create", prompts: ["a"], count: 2, seed: 7, prior: {}, unets: [] };

let server: TestServer;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "dalle2-page-"));
  await mkdir(join(folder, "page/assets"), { recursive: true });
  await mkdir(join(folder, "configs"));
  const head = '<head><meta name="dalle2-configs" content="../../configs/"><title>app</title></head>';
  await writeFile(join(folder, "page/index.html"), `<!doctype html><html>${head}</html>`);
  await writeFile(join(folder, "page/assets/main-1.js"), "x".repeat(5000));
  await writeFile(join(folder, "page/service-worker.js"), "y");
  await writeFile(join(folder, "secret.js"), "z");
  await writeFile(join(folder, "configs/shapes.json"), "{}");
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(() => server.stop());

async function start(options: TestServerOptions = {}): Promise<void> {
  server = await TestServer.start({
    page: { page: join(folder, "page"), configs: join(folder, "configs") },
    ...options,
  });
}

function post(request: unknown, files: Readonly<Record<string, readonly Uint8Array[]>> = {}, signal?: AbortSignal) {
  const form = new FormData();
  form.set("request", JSON.stringify(request));
  for (const [name, list] of Object.entries(files)) {
    for (const bytes of list) form.append(name, new Blob([new Uint8Array(bytes)]), `${name}.png`);
  }
  return fetch(`${server.url}/api/jobs`, { method: "POST", body: form, ...(signal && { signal }) });
}

async function eventsOf(response: Response): Promise<JobEvent[]> {
  expect(response.status).toBe(200);
  const lines = (await response.text()).split("\n").filter((line) => line.startsWith("data: "));
  return lines.map((line) => JSON.parse(line.slice("data: ".length)) as JobEvent);
}

async function refusal(response: Response): Promise<{ readonly status: number; readonly param: unknown }> {
  const { error } = (await response.json()) as { readonly error: { readonly param: unknown } };
  return { status: response.status, param: error.param };
}

const png = (side: number, channels: 3 | 4 = 3, fill = 200) =>
  encodePng(makeImage(side, side, channels, new Uint8Array(side * side * channels).fill(fill)));

test("a job sends its steps, previews and images, and ends with done", async () => {
  await start();
  const events = await eventsOf(await post({ model: "shapes", parameters, previewEvery: 1 }));
  expect(events.at(-1)).toEqual({ type: "done" });
  const images = events.filter((event) => event.type === "image");
  expect(images.map(({ index, seed }) => [index, seed])).toEqual([
    [0, 7],
    [1, 8],
  ]);
  expect(Buffer.from(images[0]!.png, "base64").subarray(1, 4).toString()).toBe("PNG");
  expect(events.some(({ type }) => type === "preview")).toBe(true);
  expect(events.some(({ type }) => type === "progress")).toBe(true);
  expect(server.runner.accepted[0]!.request.parameters).toEqual(parameters);
});

test("settings, images, mask and hint arrive as they were", async () => {
  await start();
  const inpaint = { ...parameters, task: "inpaint", count: 1, noiseLevel: 20 };
  const mask = makeImage(
    8,
    8,
    4,
    new Uint8Array(256).map((_, i) => (i % 4 === 3 && i < 128 ? 255 : 0)),
  );
  const files = { image: [await png(8)], mask: [await encodePng(mask)], hint: [await png(4, 3, 90)] };
  const asked = { model: "shapes", parameters: inpaint, hintName: "depth.png" };
  expect((await eventsOf(await post(asked, files))).at(-1)!.type).toBe("done");
  const { request } = server.runner.accepted[0]!;
  expect(request.parameters.noiseLevel).toBe(20);
  expect(request.images[0]!.data).toEqual(new Uint8Array(192).fill(200));
  expect([...request.mask!]).toEqual(Array.from({ length: 64 }, (_, i) => (i < 32 ? 1 : 0)));
  expect(request.hint).toEqual(makeImage(4, 4, 3, new Uint8Array(48).fill(90)));
  expect(request.hintName).toBe("depth.png");
});

test("what does not fit is refused by name, before it is decoded or runs", async () => {
  await start();
  const ask = async (request: unknown, files?: Parameters<typeof post>[1]) => refusal(await post(request, files));
  expect(await ask({ model: "none", parameters })).toEqual({ status: 404, param: "model" });
  expect(await ask({ model: "shapes", parameters: { ...parameters, count: 0 } })).toMatchObject({ status: 400 });
  const noisy = { model: "shapes", parameters: { ...parameters, noiseLevel: 1000 } };
  expect(await ask(noisy)).toEqual({ status: 400, param: "parameters.noiseLevel" });
  expect(await ask({ model: "shapes", parameters, more: 1 })).toEqual({ status: 400, param: "more" });
  expect(await ask({ model: "shapes", parameters }, { image: [await png(8)] })).toEqual({
    status: 400,
    param: "image",
  });
  const variations = { model: "shapes", parameters: { ...parameters, task: "variations" } };
  expect(await ask(variations)).toEqual({ status: 400, param: "image" });
  expect(await ask(variations, { image: [new Uint8Array(9)] })).toEqual({ status: 400, param: "image" });
  for (const hint of [[new Uint8Array(9)], [await png(8), await png(8)]]) {
    expect(await ask({ model: "shapes", parameters }, { hint })).toEqual({ status: 400, param: "hint" });
  }
  const edit = { model: "shapes", parameters: { ...parameters, task: "edit" } };
  expect(await ask(edit, { image: [await png(8)] })).toEqual({ status: 400, param: "parameters.prompts" });
  expect(await refusal(await fetch(`${server.url}/api/jobs`, { method: "POST", body: "{}" }))).toMatchObject({
    status: 415,
  });
  expect(server.runner.accepted).toEqual([]);
});

test("a job that fails says so in the stream, with the library's code and advice where the caller can act", async () => {
  const failure = () => new SamplingError("The model has no prior.", { code: "sampling/no-model" });
  await start({ behaviour: { failure } });
  const events = await eventsOf(await post({ model: "shapes", parameters }));
  expect(events.at(-1)).toMatchObject({
    type: "error",
    error: { code: "sampling/no-model", message: "The model has no prior." },
  });
  expect((events.at(-1) as Extract<JobEvent, { type: "error" }>).error.advice).toMatch(/\w/);
});

test("a job that is refused at once is answered with its status", async () => {
  await start({ behaviour: { maxWaiting: 0 } });
  server.runner.hold();
  const first = await post({ model: "shapes", parameters });
  const second = await post({ model: "shapes", parameters });
  expect(second.status).toBe(503);
  expect(second.headers.get("retry-after")).toBe("2");
  server.runner.release();
  expect((await eventsOf(first)).at(-1)!.type).toBe("done");
});

test("closing the connection cancels the job", async () => {
  await start();
  server.runner.hold();
  const abort = new AbortController();
  const response = await post({ model: "shapes", parameters }, {}, abort.signal);
  expect(response.status).toBe(200);
  abort.abort();
  await eventually(() => {
    expect(server.runner.accepted[0]!.signal.aborted).toBe(true);
  });
});

test("models and the device are described", async () => {
  await start({ behaviour: { models: ["shapes", "karlo"] } });
  const get = async (path: string): Promise<unknown> => (await fetch(`${server.url}/api/${path}`)).json();
  expect(await get("models")).toEqual({
    models: [
      { name: "shapes", isLoaded: true },
      { name: "karlo", isLoaded: false },
    ],
  });
  expect(await get("models/shapes")).toMatchObject({ name: "shapes", dtype: "f32", decoder: { unets: [{}, {}] } });
  expect(await get("device")).toMatchObject({ isReady: true, devices: [{ tuning: "fake" }] });
  expect((await fetch(`${server.url}/api/models/none`)).status).toBe(404);
  const { paths, components } = (await (await fetch(`${server.url}/openapi.json`)).json()) as {
    readonly paths: object;
    readonly components: { readonly schemas: object };
  };
  expect(Object.keys(paths)).toEqual(expect.arrayContaining(["/api/models/{model}", "/api/jobs", "/api/device"]));
  expect(Object.keys(components.schemas)).toEqual(expect.arrayContaining(["JobRequest", "JobEvent"]));
});

test("the page is told where it is served, has a strict policy, and is asked for again each time", async () => {
  await start();
  const page = await fetch(server.url);
  const html = await page.text();
  expect(html).toContain('<meta name="dalle2-server" content="api/">');
  expect(html.match(/dalle2-configs" content="[^"]*"/g)).toEqual(['dalle2-configs" content="configs/"']);
  expect(page.headers.get("content-security-policy")).toMatch(/^default-src 'self';.*frame-ancestors 'none'$/);
  expect(page.headers.get("cache-control")).toBe("no-cache");
  const again = await fetch(server.url, { headers: { "if-none-match": page.headers.get("etag")! } });
  expect(again.status).toBe(304);
});

test("the app is that of this package, of a folder, or none", () => {
  expect(pageFiles(undefined)?.page).toBe(packageFile("web/dist"));
  expect(pageFiles(folder)?.page).toBe(folder);
  expect(pageFiles(false)).toBeUndefined();
});

test("files of the app are cached as their names allow, and nothing else is served", async () => {
  await start();
  const get = (path: string) => fetch(`${server.url}/${path}`);
  const asset = await get("assets/main-1.js");
  expect(asset.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect(asset.headers.get("content-encoding")).toBe("gzip");
  expect(asset.headers.get("content-type")).toBe("text/javascript; charset=utf-8");
  expect(await asset.text()).toBe("x".repeat(5000));
  expect((await get("service-worker.js")).headers.get("cache-control")).toBe("no-cache");
  expect(await (await get("configs/shapes.json")).text()).toBe("{}");
  for (const path of ["secret.js", "assets/..%2f..%2fsecret.js", "configs/%2e%2e/secret.js", "assets", "configs/%00"]) {
    expect((await get(path)).status, path).toBe(404);
  }
});
