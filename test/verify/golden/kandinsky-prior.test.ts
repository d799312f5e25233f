import { expect, it } from "vitest";
import { Arena } from "../../../src/tensor/arena.js";
import { verifyFixture } from "../../../src/verify/verify.js";
import { fixtureFolder, testFixtures } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";

// Together they have every use of the prior: with negative prompts, mixtures, and starts from image embeddings.
await testFixtures([
  "kandinsky-emb2emb",
  "kandinsky-image-encoder",
  "kandinsky-interpolate",
  "kandinsky-prior",
  "kandinsky-prior-net",
  "kandinsky-prior-sample",
  "kandinsky-text-encoder",
]);

it("kandinsky-tokenizer has the same tokens and masks, without a GPU", async () => {
  const noGpu = () => Promise.reject(new Error("the GPU was opened"));
  expect(await verifyFixture(fixtureFolder("kandinsky-tokenizer"), noGpu)).toMatchObject({ pass: true, maxAbs: 0 });
});

it("kandinsky-scheduler adds the same noise to image embeddings", async () => {
  const gpu = await sharedGpu();
  const open = () => Promise.resolve({ gpu, arena: new Arena(gpu.stream()) });
  expect(await verifyFixture(fixtureFolder("kandinsky-scheduler"), open)).toMatchObject({ pass: true });
});
