import { expect, it } from "vitest";
import { verifyFixture } from "../../../src/verify/verify.js";
import { fixtureFolder, testFixtures } from "../../support/golden.js";

await testFixtures(["karlo-image-encoder", "karlo-resize", "karlo-text-encoder"]);

it("karlo-tokenizer has the same tokens and masks, without a GPU", async () => {
  const noGpu = () => Promise.reject(new Error("the GPU was opened"));
  expect(await verifyFixture(fixtureFolder("karlo-tokenizer"), noGpu)).toMatchObject({ pass: true, maxAbs: 0 });
});
