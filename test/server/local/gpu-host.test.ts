// The host of models on a real adapter, with the Shapes model in few steps.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GpuDevice } from "../../../src/gpu/device.js";
import { openGpu, type OpenGpuOptions } from "../../../src/gpu/open.js";
import { decodeImage } from "../../../src/image/decode.js";
import { readImageRecord } from "../../../src/pipeline/records/image-record.js";
import { packageFile } from "../../../src/platform/node.js";
import type { ImageRequest } from "../../../src/requests/request.js";
import type { FinishedImage, Job, JobStage } from "../../../src/server/jobs/job.js";
import { GpuHostDevice } from "../../../src/server/local/gpu-host-device.js";
import type { HostEvent } from "../../../src/server/local/host-event.js";
import { LocalRunner } from "../../../src/server/local/local-runner.js";
import { ModelHost, type HostOptions } from "../../../src/server/local/model-host.js";
import type { PartOutcome } from "../../../src/server/local/part-run.js";
import { job, request, whole } from "../support/jobs.js";

const devices: GpuDevice[] = [];

/** Opens devices that the tests can reach. */
const opener = (options?: OpenGpuOptions) => async () => {
  const gpu = await openGpu(options);
  devices.push(gpu);
  return new GpuHostDevice(gpu);
};

const events: HostEvent[] = [];
const models = [{ name: "shapes" }, { name: "mine", config: packageFile("configs/shapes.json") }];

function hostOf(options: Partial<HostOptions> = {}): ModelHost {
  return new ModelHost({ models, openDevice: opener(), onEvent: (event) => events.push(event), ...options });
}

let host: ModelHost;
beforeAll(async () => {
  host = hostOf();
  await host.preload("shapes");
});
afterAll(() => {
  host.close();
});

const prompts = ["a red circle", "a blue square", "a green triangle on a black background"];

function jobOf(i: number, own: Partial<Job> = {}, others?: Partial<ImageRequest>): Job {
  const { parameters, ...rest } = { ...others };
  return job(request({ prompts: [prompts[i % 3]!], seed: 100 * i, ...parameters }, rest), own);
}

function finished(outcome: PartOutcome | undefined): readonly FinishedImage[] {
  if (outcome?.status !== "fulfilled") throw outcome?.reason;
  return outcome.value;
}

/** The pixels of its images, RGBA. */
const pixels = (outcome: PartOutcome | undefined): Promise<readonly Uint8Array[]> =>
  Promise.all(finished(outcome).map(async ({ png }) => (await decodeImage(png)).data));

const run = async (...jobs: readonly Job[]) => {
  const outcomes = await host.runBatch("shapes", jobs.map(whole));
  return Promise.all(outcomes.map(pixels));
};

it("describes what a model can do, and its device", async () => {
  const info = await host.describe("shapes");
  expect(info).toMatchObject({
    name: "shapes",
    isLoaded: true,
    dtype: "f32",
    defaults: { prior: { steps: 16 }, decoder: { steps: [24, 12] } },
  });
  expect(info.decoder!.unets.map(({ imageSize }) => imageSize)).toEqual([32, 64]);
  expect(info.device.usedBytes).toBeGreaterThan(2 ** 20);
  expect(info.device.tuning).toBe(devices[0]!.tuning.id);
});

it("images of a batch are bit by bit what they are alone, and say how they were generated", async () => {
  const stages: JobStage[] = [];
  const previews: [number, number][] = [];
  const watched = {
    previewEvery: 2,
    events: {
      onStage: (stage: JobStage) => stages.push(stage),
      onPreview: ({ width }: { readonly width: number }, index: number) => previews.push([width, index]),
    },
  };
  const jobs = [jobOf(1), jobOf(2, watched), jobOf(3)];
  const outcomes = await host.runBatch("shapes", jobs.map(whole));
  const together = await Promise.all(outcomes.map(pixels));
  for (const [i, one] of jobs.entries()) expect(await run({ ...one, events: {} })).toEqual([together[i]]);
  expect(stages).toEqual([{ stage: "running" }]);
  expect(previews).toEqual([[32, 0]]);
  const [{ png, seed, width, height, parameters }] = finished(outcomes[1]) as [FinishedImage];
  expect({ seed, width, height }).toEqual({ seed: 200, width: 64, height: 64 });
  const { record } = await readImageRecord(png, "image");
  expect(record).toMatchObject({ seed: 200, inputs: { prompt: prompts[2] }, parameters: { script: "BasicInference" } });
  expect(parameters).toMatchObject(record!.parameters);
  expect(record!.model.files).toHaveLength(3);
});

it("records do not name the paths of a model", async () => {
  const [outcome] = await host.runBatch("mine", [whole(jobOf(1))]);
  const [{ png }] = finished(outcome) as [FinishedImage];
  const { record } = await readImageRecord(png, "image");
  expect(record!.model.config).toBe("mine");
  expect(JSON.stringify(record)).not.toContain(packageFile("configs"));
});

it("an image to inpaint is brought to the size of the model", async () => {
  const side = 128;
  const image = { width: side, height: side, channels: 3 as const, data: new Uint8Array(3 * side * side).fill(77) };
  const mask = Uint8Array.from({ length: side * side }, (_, i) => (i < (side * side) / 2 ? 1 : 0));
  const inpaint = request({ task: "inpaint", resampleTimes: 1 }, { images: [image], mask });
  const [images] = await run(job(inpaint));
  const [data] = images!;
  expect(data).toHaveLength(64 * 64 * 4);
  // The half that is kept.
  expect(new Set(data!.subarray(0, data!.length / 2))).toEqual(new Set([77, 255]));
  expect(await host.fit("shapes", inpaint)).toMatchObject({ images: [{ width: 64 }] });
});

it("a request that the model cannot do fails alone", async () => {
  const image = { width: 8, height: 8, channels: 3 as const, data: new Uint8Array(192) };
  const small = job(request({ task: "upscale", prompts: [], startAtUnetNumber: 2 }, { images: [image] }));
  const [outcome] = await host.runBatch("shapes", [whole(small)]);
  expect(outcome).toMatchObject({
    status: "rejected",
    reason: { code: expect.stringMatching(/^argument\//) as string },
  });
  const warnings: string[][] = [[], []];
  const texts = [new Array(90).fill("circle").join(" "), "a red circle"];
  const jobs = texts.map((text, i) =>
    job(request({ prompts: [text] }), { events: { onWarning: (message) => warnings[i]!.push(message) } }),
  );
  expect(await run(...jobs)).toHaveLength(2);
  expect(warnings).toEqual([[expect.stringContaining("the rest is ignored") as string], []]);
});

describe("a lost device", () => {
  it.each<[string, (gpu: GpuDevice) => void]>([
    [
      "by the driver",
      (gpu) => {
        gpu.device.destroy();
      },
    ],
    [
      "by its disposal",
      (gpu) => {
        gpu.dispose();
      },
    ],
  ])("%s is opened again, and the images are the same", async (_, lose) => {
    const before = host.deviceLosses;
    const [alone] = await run(jobOf(1));
    let steps = 0;
    const onProgress = (): void => {
      if (++steps === 2) lose(devices.at(-1)!);
    };
    const images = await run(jobOf(1, { events: { onProgress } }), jobOf(2));
    expect(images[0]).toEqual(alone);
    expect(host.deviceLosses).toBe(before + 1);
    expect(events.filter(({ kind }) => kind === "device-lost").length).toBe(host.deviceLosses);
    expect(host.isLoaded("shapes")).toBe(true);
  });

  it("while a model is opened is opened again", async () => {
    const before = host.deviceLosses;
    const isFirst = { value: true };
    const onStage = (stage: JobStage): void => {
      if (stage.stage !== "loading" || stage.fraction < 0.05 || !isFirst.value) return;
      isFirst.value = false;
      devices.at(-1)!.device.destroy();
    };
    const fresh = hostOf();
    const [outcome] = await fresh.runBatch("shapes", [whole(jobOf(1, { events: { onStage } }))]);
    expect(await pixels(outcome)).toEqual((await run(jobOf(1)))[0]);
    expect([fresh.deviceLosses, host.deviceLosses]).toEqual([1, before]);
    fresh.close();
  });
});

describe("with little memory", () => {
  it("one model makes room for another", async () => {
    const need = (await host.describe("shapes")).device.usedBytes;
    expect(need).toBeGreaterThan(0);
    const memoryLimit = 120e6;
    const runner = await LocalRunner.open({ models, openDevice: opener({ memoryLimit }), memoryLimit });
    try {
      const loaded: string[][] = [];
      for (const model of ["shapes", "mine", "shapes"]) {
        const [image] = await runner.run(jobOf(1, { id: `${loaded.length}`, model }));
        expect([(await decodeImage(image!.png)).data]).toEqual((await run(jobOf(1)))[0]);
        loaded.push((await runner.models()).filter(({ isLoaded }) => isLoaded).map(({ name }) => name));
      }
      expect(loaded).toEqual([["shapes"], ["mine"], ["shapes"]]);
    } finally {
      await runner.close({ graceMs: 0 });
    }
  });

  it("a model that does not fit is refused", async () => {
    const small = hostOf({ memoryLimit: 2 ** 20 });
    const [outcome] = await small.runBatch("shapes", [whole(jobOf(1))]);
    expect(outcome).toMatchObject({ status: "rejected", reason: { code: "model-failed" } });
    small.close();
  });
});
