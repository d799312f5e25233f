import { expect, it } from "vitest";
import { Arena } from "../../../src/tensor/arena.js";
import { verifyFixture } from "../../../src/verify/verify.js";
import { fixtureFolder, testFixtures } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";

await testFixtures([
  "karlo-decoder-sample",
  "karlo-image-variation",
  "karlo-prior-sample",
  "karlo-sr-sample",
  "karlo-text-to-image-fp16",
]);

it("karlo-text-to-image, with the whole vocabulary of CLIP and the steps of the reference", async () => {
  const gpu = await sharedGpu();
  const open = () => Promise.resolve({ gpu, arena: new Arena(gpu.stream()) });
  expect(await verifyFixture(fixtureFolder("karlo-text-to-image"), open)).toMatchObject({ pass: true });
});
