import { describe, expect, it } from "vitest";
import { makeImage } from "../../../src/image/image.js";
import { DalleModelManager } from "../../../src/pipeline/manager/model-manager.js";
import { BasicInference } from "../../../src/pipeline/scripts/basic-inference.js";
import { ImageVariation } from "../../../src/pipeline/scripts/image-variation.js";
import { fixtureFolder } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";

/** A manager of a folder of Karlo. */
async function managerOf(fixture: string): Promise<DalleModelManager> {
  return DalleModelManager.create(`${fixtureFolder(fixture)}/model`, { gpu: await sharedGpu() });
}

describe("a model that a folder lacks", () => {
  it("is named with the folder, what needs it, and where there is one: a prior", async () => {
    using manager = await managerOf("karlo-image-variation");
    await expect(new BasicInference(manager).run("a cat")).rejects.toMatchObject({
      code: "sampling/no-model",
      message: expect.stringMatching(
        /karlo-image-variation.model has no prior, which is needed to generate images from text\. .* "karlo", or name the folder of the decoder's prior \(.*--prior-folder.*\)\.$/,
      ) as unknown,
    });
  });

  it("is named so: an image encoder", async () => {
    using manager = await managerOf("karlo-text-to-image");
    const image = makeImage(40, 40, 3, new Uint8Array(40 * 40 * 3));
    await expect(new ImageVariation(manager).run([image])).rejects.toThrow(
      /karlo-text-to-image.model has no image encoder, .* "karlo-image-variations"\.$/,
    );
  });
});
