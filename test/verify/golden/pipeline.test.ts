import { expect, it } from "vitest";
import { Arena } from "../../../src/tensor/arena.js";
import { verifyFixture } from "../../../src/verify/verify.js";
import { fixtureFolder } from "../../support/golden.js";
import { sharedGpu, testableTypes } from "../../support/gpu.js";

// Sixteen images of three scripts with both tokenizations. Bytes may be equal, unlike sums.
it.each(await testableTypes())("dalle2-laion's scripts generate the reference's images in %s", async (dtype) => {
  const gpu = await sharedGpu();
  const { live } = gpu.memory();
  const result = await verifyFixture(fixtureFolder("pipeline"), () =>
    Promise.resolve({ gpu, arena: new Arena(gpu.stream(), dtype) }),
  );
  expect(result).toMatchObject({ name: "pipeline", pass: true });
  expect(gpu.memory().live).toBe(live);
});
