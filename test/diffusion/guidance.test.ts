import { expect, it } from "vitest";
import { Guidance } from "../../src/diffusion/guidance.js";
import { expectClose, openTestArena } from "../support/gpu.js";

it("moves from the null prediction towards the conditional one, and treats a learned variance as the family requires", async () => {
  const arena = await openTestArena();
  // Two channels and their variances: conditional half, then null half.
  const predictions = arena.from([1, 2, 30, 40, 3, 5, 70, 90], [2, 4], "f32");
  expectClose(await new Guidance(3, 2).guide(predictions).read(), [-3, -4, -50, -60], { maxRelative: 1e-6 });
  const conditional = new Guidance(3, 2, "conditional").guide(predictions);
  expectClose(await conditional.read(), [-3, -4, 30, 40], { maxRelative: 1e-6 });
});

it("doubles inputs that both halves share, and joins those that differ", async () => {
  const arena = await openTestArena();
  const guidance = new Guidance(2, 4);
  const [a, b] = [arena.from([1, 2, 3, 4], [1, 4], "f32"), arena.from([5, 6, 7, 8], [1, 4], "f32")];
  expect([...(await guidance.double(a).read())]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
  expect([...(await guidance.join(a, b).read())]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect([...(await guidance.join(a, undefined).read())]).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
});
