import { createWorkerClient, type GeneratedImage, type RemoteManager, type WorkerClient } from "dalle2-webgpu";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ImageRequest,
  inputsOfImage,
  parametersOfImage,
  type RequestParameters,
  requestSize,
  runRequest,
  type Task,
} from "dalle2-webgpu/requests";
import { parametersOfRecord } from "../../../web/src/jobs/record.js";
import { FakeWorker } from "../../support/fake-worker.js";

/** Few steps, because the content of the images does not matter. */
const few = { seed: 7, prior: { steps: 2 }, unets: [{ steps: 2 }, { steps: 1 }] };

let client: WorkerClient;
let manager: RemoteManager;

beforeAll(async () => {
  client = createWorkerClient({ worker: () => new FakeWorker() });
  manager = await client.open("configs/shapes.json", { dtype: "f32" });
});

afterAll(() => {
  client.dispose();
});

async function run(request: ImageRequest): Promise<readonly GeneratedImage[]> {
  const seen: number[] = [];
  const images = await runRequest(manager, request, {
    signal: new AbortController().signal,
    onProgress: () => undefined,
    onImage: (_, index) => void seen.push(index),
    onWarning: () => undefined,
  });
  expect(seen).toEqual(images.map((_, i) => i));
  expect(images).toHaveLength(requestSize(request));
  return images;
}

describe("a request", () => {
  it("generates images of which each can be generated again alone, from its own parameters or its record", async () => {
    const parameters: RequestParameters = {
      ...few,
      task: "create",
      prompts: ["a red circle", "a blue square"],
      count: 2,
    };
    const request: ImageRequest = { parameters, images: [] };
    const images = await run(request);
    expect(images.map(({ seed }) => seed)).toEqual([7, 8, 9, 10]);
    const [alone] = await run({ parameters: parametersOfImage(parameters, 3), images: [] });
    expect(alone!.data).toEqual(images[3]!.data);
    const generatedOn = await manager.generatedOn({ config: "shapes" });
    const file = await client.encodeRecorded(images[1]!, { generatedOn, inputs: inputsOfImage(request, 1) });
    const { record } = await client.readImageRecord(file);
    expect(record!.inputs).toEqual({ prompt: "a red circle" });
    const [restored] = await run({ parameters: parametersOfRecord(record!)!, images: [] });
    expect(restored!.data).toEqual(images[1]!.data);
  });

  it.each<[Task, Partial<RequestParameters>]>([
    ["variations", { prompts: ["a red circle"], count: 2 }],
    ["inpaint", { prompts: ["a red circle", "a blue square"], resampleTimes: 1 }],
    ["upscale", { prompts: [], count: 2, startAtUnetNumber: 2 }],
    ["interpolate", { prompts: ["a red circle", "a blue square"], frames: 2 }],
    ["edit", { prompts: ["a red circle", "a blue circle"], frames: 2, strength: 0.5 }],
  ])("of %s generates all its images, and each again", async (task, own) => {
    const size = task === "upscale" ? 32 : 64;
    const pixels = { width: size, height: size, channels: 3 as const, data: new Uint8Array(3 * size * size).fill(200) };
    const mask = Uint8Array.from({ length: size * size }, (_, i) => (i < (size * size) / 2 ? 1 : 0));
    const parameters: RequestParameters = { ...few, task, prompts: [], count: 1, ...own };
    const inputs = { images: task === "interpolate" ? [] : [pixels], mask: task === "inpaint" ? mask : undefined };
    const images = await run({ parameters, ...inputs });
    const again = await run({ parameters: parametersOfImage(parameters, 1), ...inputs });
    expect(again.at(-1)!.data).toEqual(images[1]!.data);
    if (task === "inpaint") expect(images[1]!.data.slice(0, 300)).toEqual(pixels.data.slice(0, 300));
  });
});
