import { expect, it } from "vitest";
import { Arena } from "../../../src/tensor/arena.js";
import { verifyFixture } from "../../../src/verify/verify.js";
import { fixtureFolder, testFixtures } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";

/** On an adapter that can bind only so much, most feature maps of these small networks are split. */
const maxBindingSize = 40 * 1024;
const gpu = await sharedGpu({ maxBindingSize });

await testFixtures([
  "unet-base",
  "unet-combine",
  "unet-cosine",
  "unet-cross-embed",
  "unet-lowres-noise",
  "unet-no-embed-to-time",
  "unet-upsampler",
  "dialect-1.2.2-unet-linear",
  "karlo-decoder-unet",
  "karlo-sr-unet",
  "karlo-sr-unet-attention",
  "karlo-prior-net",
]);

it("runs more kernels than without a limit, and computes the same", async () => {
  const run = async (maxBindingSize: number) => {
    using stream = gpu.stream({ maxBindingSize });
    const { dispatches } = gpu.counters;
    const arena = new Arena(stream);
    const { maxAbs } = await verifyFixture(fixtureFolder("unet-combine"), () => Promise.resolve({ gpu, arena }));
    return { maxAbs, dispatches: gpu.counters.dispatches - dispatches };
  };
  const [whole, split] = [await run(Infinity), await run(maxBindingSize)];
  expect(split.maxAbs).toBe(whole.maxAbs);
  expect(split.dispatches).toBeGreaterThan(1.1 * whole.dispatches);
});
