// The app's engine on the server's API, with a fake runner: what the one sends is what the other reads.
import { afterEach, expect, test } from "vitest";
import { SamplingError } from "../../../src/diffusion/sampling-error.js";
import { decodeImage } from "../../../src/image/decode.js";
import { makeImage, type Image, type RgbaImage } from "../../../src/image/image.js";
import { encodePng } from "../../../src/image/png.js";
import type { GeneratedImage } from "../../../src/pipeline/generated-image.js";
import type { ScriptProgress } from "../../../src/pipeline/script-options.js";
import type { ImageRequest, RequestParameters } from "../../../src/requests/request.js";
import { DEFAULT_LIMITS } from "../../../src/server/guard/limits.js";
import { createServerEngine, servedConfig } from "../../../web/src/engine/server-engine.js";
import type { Engine, JobEvents, OpenModel, ServedStage } from "../../../web/src/engine/engine.js";
import { ServerApi, type ServerKey } from "../../../web/src/server/api.js";
import { eventually } from "../support/eventually.js";
import { TestServer, type TestServerOptions } from "../support/test-server.js";

const parameters: RequestParameters = { task: "create", prompts: ["a"], count: 1, seed: 7, prior: {}, unets: [] };

/** What a browser's worker does of images. */
const codec = {
  decodeImage: async (file: Blob): Promise<RgbaImage> => decodeImage(new Uint8Array(await file.arrayBuffer())),
  encodeImage: async (image: Image) => new Blob([await encodePng(image)]),
} as unknown as Engine;

const noKey: ServerKey = { value: undefined, ask: () => Promise.resolve(false) };

let server: TestServer;
afterEach(() => server.stop());

async function open(options: TestServerOptions = {}, key = noKey): Promise<OpenModel> {
  server = await TestServer.start(options);
  return engineOf(key).open(servedConfig("shapes"));
}

function engineOf(key = noKey): Engine {
  return createServerEngine(new ServerApi(`${server.url}/api/`, key), codec);
}

/** What a job told. */
class Told {
  readonly stages: ServedStage[] = [];
  readonly progress: ScriptProgress[] = [];
  readonly images: GeneratedImage[] = [];
  readonly warnings: string[] = [];
  readonly controller = new AbortController();
  readonly events: JobEvents = {
    signal: this.controller.signal,
    onStage: (stage) => this.stages.push(stage),
    onProgress: (progress) => this.progress.push(progress),
    onImage: (image, index) => (this.images[index] = image),
    onWarning: (message) => this.warnings.push(message),
  };
}

test("a model of the server generates, with its steps and previews, and its files have their records", async () => {
  const model = await open({ behaviour: { warnings: () => ["mind"] } });
  expect(model.decoder!.unets).toHaveLength(2);
  expect(model.decoder!.requirements.problems({})).not.toEqual([]);
  expect(model.device.tuning).toBe("fake");
  const told = new Told();
  const images = await model.run({ parameters: { ...parameters, count: 2 }, images: [] }, told.events);
  expect(images).toEqual(told.images);
  expect(images.map(({ seed, width }) => [seed, width])).toEqual([
    [7, 32],
    [8, 32],
  ]);
  expect(told.warnings).toEqual(["mind"]);
  expect(told.progress.some(({ preview }) => preview?.length === 1)).toBe(true);
  expect(told.progress[0]).toMatchObject({ phase: expect.any(String) as string, batch: 1, batches: 1 });
  expect(told.stages.at(-1)).toMatchObject({ type: "running" });
  const file = await model.encode(images[0]!, {});
  expect((await codec.decodeImage(file)).width).toBe(32);
});

test("images, mask and hint reach the server as they are here", async () => {
  const model = await open();
  const image = makeImage(
    8,
    8,
    3,
    new Uint8Array(192).map((_, i) => i),
  );
  const mask = Uint8Array.from({ length: 64 }, (_, i) => (i % 3 === 0 ? 0 : 1));
  const request: ImageRequest = {
    parameters: { ...parameters, task: "inpaint", resampleTimes: 2 },
    images: [image],
    imageNames: ["x.png"],
    mask,
    hint: makeImage(2, 1, 3, Uint8Array.from([1, 2, 3, 4, 5, 6])),
    hintName: "depth.png",
  };
  await model.run(request, new Told().events);
  const { request: arrived } = server.runner.accepted[0]!;
  expect(arrived.images[0]!.data).toEqual(image.data);
  expect([...arrived.mask!]).toEqual([...mask]);
  expect(arrived.parameters).toEqual(request.parameters);
  expect(arrived.imageNames).toEqual(["x.png"]);
  expect(arrived.hint).toEqual(request.hint);
  expect(arrived.hintName).toBe("depth.png");
});

test("what waits says how many images are ahead", async () => {
  const model = await open();
  server.runner.hold();
  const before: Promise<unknown>[] = [];
  for (const [i, count] of [1, 3].entries()) {
    before.push(model.run({ parameters: { ...parameters, count }, images: [] }, new Told().events));
    await eventually(() => {
      expect(server.runner.accepted).toHaveLength(i + 1);
    });
  }
  const told = new Told();
  const last = model.run({ parameters, images: [] }, told.events);
  await eventually(() => {
    expect(told.stages[0]).toMatchObject({ type: "waiting", imagesAhead: 3 });
  });
  server.runner.release();
  await Promise.all([...before, last]);
});

test("an abort here cancels the job there", async () => {
  const model = await open();
  server.runner.hold();
  const told = new Told();
  const run = model.run({ parameters, images: [] }, told.events);
  await eventually(() => {
    expect(server.runner.accepted).toHaveLength(1);
  });
  told.controller.abort(new DOMException("Cancelled.", "AbortError"));
  await expect(run).rejects.toThrow("Cancelled.");
  await eventually(() => {
    expect(server.runner.accepted[0]!.signal.aborted).toBe(true);
  });
});

test("failures keep their codes: the library's, the server's, and a lost connection", async () => {
  const failure = () => new SamplingError("There is no prior.", { code: "sampling/no-model" });
  const model = await open({ behaviour: { failure } });
  const run = () => model.run({ parameters, images: [] }, new Told().events);
  await expect(run()).rejects.toMatchObject({ code: "sampling/no-model", message: "There is no prior." });
  server.runner.behaviour.failure = () => undefined;
  server.runner.behaviour.maxWaiting = 0;
  server.runner.hold();
  const first = run();
  await eventually(() => {
    expect(server.runner.started).toHaveLength(2);
  });
  await expect(run()).rejects.toMatchObject({ code: "queue_full", retryAfter: 2 });
  await expect(engineOf().open(servedConfig("none"))).rejects.toMatchObject({ code: "model_not_found" });
  const lost = expect(first).rejects.toMatchObject({ code: "connection_lost" });
  await server.stop();
  await lost;
  await expect(run()).rejects.toMatchObject({ code: "connection_lost" });
});

test("a server with keys asks for one, once, and again if it is wrong", async () => {
  const owner = { id: "alice", name: "alice", limits: DEFAULT_LIMITS, readsMetrics: false };
  const keys = { ownerOf: (token: string) => Promise.resolve(token === "right" ? owner : undefined) };
  const asked: (string | undefined)[] = [];
  const answers = ["wrong", "right"];
  const key = {
    value: undefined as string | undefined,
    ask(refused: string | undefined) {
      asked.push(refused);
      this.value = answers.shift();
      return Promise.resolve(this.value !== undefined);
    },
  };
  const model = await open({ guard: { keys } }, key);
  expect(asked).toEqual([undefined, "wrong"]);
  await model.run({ parameters, images: [] }, new Told().events);
  expect(server.runner.accepted[0]!.owner).toBe("alice");
  await expect(engineOf().open(servedConfig("shapes"))).rejects.toMatchObject({ code: "invalid_api_key" });
});
