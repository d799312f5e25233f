import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { parametersOfImage, requestSize } from "../../src/requests/images.js";
import { localScripts } from "../../src/requests/local-scripts.js";
import type { ImageRequest, RequestParameters, Task } from "../../src/requests/request.js";
import { inputsOf, runRequest, runTogether, type ScriptSource } from "../../src/requests/run.js";
import { requestWarnings } from "../../src/requests/warnings.js";
import { fixtureFolder } from "../support/golden.js";
import { sharedGpu } from "../support/gpu.js";
import { folderConfig } from "../support/karlo.js";

/** Few steps, because the content of the images does not matter. */
const few = { seed: 7, count: 1, prior: { steps: 2 }, unets: [{ steps: 2 }, { steps: 1 }] };
const SIDES = { upscale: 32, others: 64 };

let manager: DalleModelManager;
let scripts: ScriptSource;

beforeAll(async () => {
  manager = await DalleModelManager.create("shapes", { gpu: await sharedGpu(), dtype: "f32" });
  scripts = localScripts(manager);
});

afterAll(() => {
  manager.dispose();
});

function request(task: Task, own: Partial<RequestParameters>, shade = 200): ImageRequest {
  const side = task === "upscale" ? SIDES.upscale : SIDES.others;
  const pixels = Uint8Array.from({ length: 3 * side * side }, (_, i) => shade - (i % 50));
  const image = { width: side, height: side, channels: 3 as const, data: pixels };
  const mask = Uint8Array.from({ length: side * side }, (_, i) => (i < (side * side) / 2 ? 1 : 0));
  return {
    parameters: { ...few, task, prompts: [], ...own },
    images: task === "create" || task === "interpolate" ? [] : [image],
    mask: task === "inpaint" ? mask : undefined,
  };
}

async function run(of: ImageRequest): Promise<readonly Uint8Array[]> {
  const seen: number[] = [];
  const images = await runRequest(scripts, of, { onImage: (_, index) => void seen.push(index) });
  expect(seen).toEqual(images.map((_, i) => i));
  expect(images).toHaveLength(requestSize(of));
  return images.map(({ data }) => data);
}

describe("a request", () => {
  it.each<[Task, Partial<RequestParameters>]>([
    ["create", { prompts: ["a red circle", "a blue square"], count: 2 }],
    ["variations", { prompts: ["a red circle"], count: 2 }],
    ["inpaint", { prompts: ["a red circle", "a blue square"], resampleTimes: 1 }],
    ["upscale", { prompts: [], count: 2, startAtUnetNumber: 2 }],
    ["interpolate", { prompts: ["a red circle", "a blue square"], frames: 2 }],
    ["edit", { prompts: ["a red circle", "a blue circle"], frames: 2, strength: 0.5 }],
  ])("of %s generates all its images, and each again", async (task, own) => {
    const whole = request(task, own);
    const images = await run(whole);
    const again = await run({ ...whole, parameters: parametersOfImage(whole.parameters, 1) });
    expect(again.at(-1)).toEqual(images[1]);
    if (task === "inpaint") expect(images[1]!.slice(0, 300)).toEqual(whole.images[0]!.data.slice(0, 300));
  });
});

describe("noise on image embeddings", () => {
  it.each<[Task, string, Partial<RequestParameters>, string]>([
    ["create", "text-to-image", { prompts: ["a cat"] }, "decoderNoiseLevel"],
    ["variations", "image-variation", {}, "noiseLevel"],
  ])("is a setting of Stable unCLIP: %s", async (task, fixture, own, name) => {
    const config = folderConfig(join(fixtureFolder(`stable-unclip-${fixture}`), "model"));
    using unclip = await DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32" });
    const one = async (noiseLevel?: number) => {
      const asked = request(task, { ...own, unets: [{ steps: 2 }], noiseLevel });
      const [image] = await runRequest(localScripts(unclip), asked, {});
      return image!;
    };
    const [plain, noisy] = [await one(), await one(700)];
    expect(plain.parameters).toMatchObject({ [name]: 0 });
    expect(noisy.parameters).toMatchObject({ [name]: 700 });
    expect(noisy.data).not.toEqual(plain.data);
    await expect(one(1000)).rejects.toMatchObject({ code: "argument/out-of-range" });
  });

  it.each<[Task, Partial<RequestParameters>]>([
    ["create", { prompts: ["a"] }],
    ["variations", { prompts: ["a"] }],
    ["inpaint", { prompts: ["a"] }],
    ["upscale", {}],
    ["interpolate", { prompts: ["a", "b"] }],
    ["edit", { prompts: ["a", "b"] }],
  ])("is refused by other models: %s", async (task, own) => {
    const refused = runRequest(scripts, request(task, { ...own, noiseLevel: 20 }), {});
    await expect(refused).rejects.toMatchObject({ code: "argument/no-effect", place: { argument: "noiseLevel" } });
  });
});

describe("images of several requests as one batch", () => {
  it.each<[Task, Partial<RequestParameters>, Partial<RequestParameters>]>([
    ["create", { prompts: ["a red circle"], negative: "green" }, { prompts: ["a blue square"], negative: "small" }],
    ["variations", { prompts: ["a red circle"] }, { prompts: ["a blue square"] }],
    ["inpaint", { prompts: ["a red circle"], resampleTimes: 2 }, { prompts: ["a blue square"], resampleTimes: 2 }],
    ["upscale", { startAtUnetNumber: 2 }, { startAtUnetNumber: 2 }],
  ])("are bit by bit what they are alone: %s", async (task, first, second) => {
    // Kernels of software adapters add up each value in one order, whatever the number of rows.
    const unets = [{ steps: 2, condScale: 2 }, { steps: 1 }];
    const requests = [request(task, { ...first, unets, count: 2 }), request(task, { ...second, unets, seed: 90 }, 120)];
    const alone = [...(await run(requests[0]!)), ...(await run(requests[1]!))];
    const batch = { ...requests[0]!.parameters, batchSize: 3 };
    const together = await runTogether(scripts, batch, requests.flatMap(inputsOf), {});
    expect(together.map(({ seed }) => seed)).toEqual([7, 8, 90]);
    expect(together.map(({ data }) => data)).toEqual(alone);
    expect(alone[2]).not.toEqual(alone[0]);
  });
});

it("a request has warnings of its own", async () => {
  const long = new Array(80).fill("circle").join(" ");
  const [warning, ...others] = await requestWarnings(
    manager,
    request("create", { prompts: ["a red circle", long, long] }),
  );
  expect(warning).toMatch(
    /^the prompt "circle circle.* has 82 tokens, but the model reads at most \d+; the rest is ignored$/,
  );
  expect(others).toEqual([]);
  const inpaint = request("inpaint", { prompts: ["a red circle"] });
  expect(await requestWarnings(manager, inpaint)).toEqual([]);
  expect(await requestWarnings(manager, { ...inpaint, mask: new Uint8Array(4096).fill(1) })).toEqual([
    "The mask keeps every pixel, so the image does not change.",
  ]);
});
