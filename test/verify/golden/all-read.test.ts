// Runners compare everything that a fixture of Kandinsky or Stable unCLIP has.
import { readdirSync } from "node:fs";
import { expect, it, vi } from "vitest";
import { Fixture } from "../../../src/fixture/fixture.js";
import { Arena } from "../../../src/tensor/arena.js";
import { verifyFixture } from "../../../src/verify/verify.js";
import { fixtureFolder } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";
import { readTensors } from "../../support/io.js";

const FIXTURES = readdirSync(fixtureFolder(".")).filter((name) => /^(?:kandinsky|stable-unclip)-/.test(name));

/** Tensors that nothing here computes or takes. */
const LEFT_OUT: Readonly<Record<string, RegExp>> = {
  // Latents in place of an image, which the reference cannot encode.
  "kandinsky-img2img": /^in\.latent_image$/,
  // The prior alone has no image encoder; the reference repeats what is given as the embedding of no image.
  "kandinsky-prior-sample": /^in\.zero_embed$|^out\.(?:2|25|emb2emb|many|unguided)\.negative_image_embeds$/,
};

it.each(FIXTURES)("every tensor of %s is read", async (name) => {
  const read = vi.spyOn(Fixture.prototype, "tensorIfAny");
  const gpu = await sharedGpu();
  const result = await verifyFixture(fixtureFolder(name), () =>
    Promise.resolve({ gpu, arena: new Arena(gpu.stream()) }),
  );
  const names = new Set(read.mock.calls.map(([tensor]) => tensor));
  read.mockRestore();
  expect(result).toMatchObject({ pass: true });
  const tensors = [...(await readTensors(`${fixtureFolder(name)}/io.safetensors`)).keys()];
  const unread = tensors.filter((tensor) => !names.has(tensor) && LEFT_OUT[name]?.test(tensor) !== true);
  // Noise is drawn here from the seeds: other noise would give other outputs.
  expect(unread.filter((tensor) => !tensor.startsWith("noise."))).toEqual([]);
});
