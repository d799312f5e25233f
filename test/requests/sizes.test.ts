import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeImage } from "../../src/image/image.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { localScripts } from "../../src/requests/local-scripts.js";
import type { ImageRequest, RequestParameters, Task } from "../../src/requests/request.js";
import { inputsOf, runRequest, runTogether } from "../../src/requests/run.js";
import { requestWarnings } from "../../src/requests/warnings.js";
import { kandinskyConfig } from "../support/kandinsky.js";
import { sharedGpu } from "../support/gpu.js";

const few = { seed: 7, count: 1, prior: { steps: 2 }, unets: [], decoder: { steps: 2 } };
const picture = makeImage(
  20,
  12,
  3,
  Uint8Array.from({ length: 720 }, (_, i) => i % 256),
);

function request(task: Task, own: Partial<RequestParameters>): ImageRequest {
  const images = task === "create" || task === "interpolate" ? [] : [picture];
  return { parameters: { ...few, task, prompts: [], ...own }, images };
}

let manager: DalleModelManager;
beforeAll(async () => {
  const config = ModelLoadConfig.parse(kandinskyConfig("kandinsky-text-to-image"), "");
  manager = await DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32" });
});
afterAll(() => {
  manager.dispose();
});

describe("the size of a request", () => {
  const size = { width: 20, height: 12 };

  it.each<[Task, Partial<RequestParameters>]>([
    ["create", { prompts: ["a cat"] }],
    ["variations", {}],
    ["interpolate", { prompts: ["a cat", "a dog"], frames: 2 }],
    ["edit", { prompts: ["a cat", "a dog"], strength: 0.5 }],
  ])("is that of the images of %s, and of their records", async (task, own) => {
    const images = await runRequest(localScripts(manager), request(task, { ...own, size }), {});
    expect(images.length).toBeGreaterThan(0);
    for (const { width, height, parameters } of images) {
      expect({ width, height }).toEqual(size);
      expect(parameters.size).toEqual(size);
    }
  });

  it("leaves images of a batch what they are alone", async () => {
    const [first, second] = [
      request("create", { prompts: ["a cat"], size }),
      request("create", { prompts: ["a dog"], size }),
    ];
    const inputs = [first, second].flatMap(inputsOf);
    const together = await runTogether(localScripts(manager), first.parameters, inputs, {});
    const [alone] = await runRequest(localScripts(manager), second, {});
    expect(together[1]!.data).toEqual(alone!.data);
  });

  it("is refused by U-Nets that enlarge images, and by a model of one size", async () => {
    using shapes = await DalleModelManager.create("shapes", { gpu: await sharedGpu(), dtype: "f32" });
    const refusal = { code: "argument/no-effect", place: { argument: "size" } };
    const created = runRequest(localScripts(shapes), request("create", { prompts: ["a"], size }), {});
    await expect(created).rejects.toMatchObject(refusal);
    const square = { ...request("upscale", { size }), images: [makeImage(32, 32, 3, new Uint8Array(3072))] };
    await expect(runRequest(localScripts(shapes), square, {})).rejects.toMatchObject(refusal);
  });

  it("is checked as the library checks it", async () => {
    const call = runRequest(localScripts(manager), request("create", { prompts: ["a"], size: 0 }), {});
    await expect(call).rejects.toMatchObject({ code: "argument/out-of-range", place: { argument: "size" } });
  });

  it("is rounded up, with a warning", async () => {
    expect(await requestWarnings(manager, request("create", { prompts: ["a"], size: 17 }))).toEqual([
      "The size 17 × 17 is rounded up to 20 × 20: sides of this decoder's images are multiples of 4.",
    ]);
    expect(await requestWarnings(manager, request("create", { prompts: ["a"], size }))).toEqual([]);
  });
});
