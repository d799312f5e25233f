import { expect, it } from "vitest";
import { adapterConfig } from "../../../src/models/clip/config/adapter-config.js";
import { createClip } from "../../../src/models/clip/create.js";
import { Arena } from "../../../src/tensor/arena.js";
import { openFixture } from "../../../src/models/open-fixture.js";
import { dialectForVersion } from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import { fixtureFolder } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";

it.each(["0.19.1", "1.14.2"])("CLIP for a prior of %s marks the encodings of text", async (version) => {
  const fixture = await openFixture(fixtureFolder("clip-openai-vit"));
  const { network } = dialectForVersion(version, { sampler: "fixed" });
  const arena = new Arena((await sharedGpu()).stream());
  const { clip, weights } = createClip(adapterConfig.parse({}), await fixture.checkpoint(), arena, network);
  using store = weights;
  await store.load();
  const { textEmbed, textEncodings, textMask } = await clip.embedText(arena, [Int32Array.of(49406, 320, 49407)]);
  const [, length = 0, width = 0] = textEncodings.shape;
  expect(textMask).toEqual([Array.from({ length }, (_, i) => (i < 3 ? 1 : 0))]);
  // Before 0.20.0 only the mask marked padding, whose encodings were not zero.
  const padding = (await textEncodings.read()).subarray(3 * width);
  expect(padding.every((value) => value === 0)).toBe(version === "1.14.2");
  textEmbed.dispose();
  textEncodings.dispose();
  await fixture.close();
});
