import { expect, it } from "vitest";
import { Arena } from "../../../src/tensor/arena.js";
import { verifyFixture } from "../../../src/verify/verify.js";
import { fixtureFolder, testFixtures } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";

// Together they have every pipeline of the decoder.
await testFixtures(["kandinsky-controlnet", "kandinsky-img2img", "kandinsky-inpaint", "kandinsky-text-to-image"]);

it("kandinsky-decoder-sample, with up to 100 steps, and schedulers with learned variances", async () => {
  const gpu = await sharedGpu();
  const open = () => Promise.resolve({ gpu, arena: new Arena(gpu.stream()) });
  expect(await verifyFixture(fixtureFolder("kandinsky-decoder-sample"), open)).toMatchObject({ pass: true });
});
