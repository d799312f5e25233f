import { describe, expect, it } from "vitest";
import { Generator } from "../../../src/diffusion/generator.js";
import { DiffusionPrior } from "../../../src/models/dalle2-pytorch/diffusion-prior.js";
import { resolvePriorConfig, resolvePriorNetConfig } from "../../../src/models/dalle2-pytorch/options.js";
import { priorNetConfig, trainPriorConfig } from "../../../src/models/dalle2-pytorch/train-config.js";
import { PriorNetwork } from "../../../src/models/dalle2-pytorch/prior/prior-network.js";
import { distanceBucket } from "../../../src/nn/relative-position-bias.js";
import { WeightStore } from "../../../src/weights/weight-store.js";
import type { NetworkDialect } from "../../../src/models/dalle2-pytorch/dialect/flags.js";
import { currentDialect, dialectForVersion } from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import { UnsupportedError } from "../../../src/weights/unsupported-error.js";
import { StepInputs } from "../../../src/ops/step-inputs.js";
import { openFixture } from "../../../src/models/open-fixture.js";
import { Arena } from "../../../src/tensor/arena.js";
import { fixtureFolder } from "../../support/golden.js";
import { openTestArena, Random, sharedGpu } from "../../support/gpu.js";

describe("distanceBucket", () => {
  it("has a bucket for each distance below 16, and ever wider ones up to 128", () => {
    expect([0, 1, 15, 16, 18, 19, 31, 32, 64, 127, 128, 1000].map(distanceBucket)).toEqual([
      0, 1, 15, 16, 16, 17, 21, 21, 26, 31, 31, 31,
    ]);
  });
});

describe("PriorNetwork", () => {
  const options = resolvePriorNetConfig(
    priorNetConfig.parse({ dim: 8, depth: 1, heads: 1, dim_head: 8, num_timesteps: 10, max_text_len: 4 }),
  );

  async function build(flags: Partial<NetworkDialect>): Promise<PriorNetwork> {
    const store = new WeightStore(await openTestArena(), { name: "prior.pth", tensors: new Map() });
    const network = new PriorNetwork(store.root, options, { ...currentDialect.network, ...flags });
    store.reserve();
    return network;
  }

  it.each([
    { priorTextPad: "nonZero", priorCfg: "nullsAll" },
    { priorTextPad: "ones", priorCfg: "noop" },
    { priorTextPad: "nullTokens", priorCfg: "mask" },
  ] as const)("refuses flags that no version had together: $priorTextPad, $priorCfg", async (flags) => {
    await expect(build(flags)).rejects.toThrow(UnsupportedError);
    await expect(build(flags)).rejects.toThrow(`priorTextPad "${flags.priorTextPad}" and priorCfg "${flags.priorCfg}"`);
  });

  it("refuses texts that its sequences have no room for, and masks of another size", async () => {
    const network = await build(dialectForVersion("0.11.0", { sampler: "fixed" }).network);
    const arena = await openTestArena();
    const embed = arena.from(new Float32Array(16), [2, 8]);
    const prepare = (length: number, textMask?: number[][]) => {
      const textEncodings = arena.from(new Float32Array(2 * length * 8), [2, length, 8]);
      using inputs = new StepInputs(arena, 1);
      return network.prepare(inputs, {
        batch: 2,
        times: [[1, 2]],
        condition: { textEmbed: embed, textEncodings, textMask },
      });
    };
    expect(() => prepare(257)).toThrow(/textEncodings is \[2, 257, 8\]; expected \[2, <= 256, 8\]/);
    expect(() => prepare(3, [[1, 1, 0]])).toThrow(/textMask is \[1, 3\]; expected \[2, 3\]/);
    expect(() => prepare(3, [[1, 1, 0], [1]])).toThrow(/textMask is \[2, 1\]; expected \[2, 3\]/);
  });
});

it("samples the same in a call with a stream of its own as on the stream of its weights", async () => {
  const gpu = await sharedGpu();
  const fixture = await openFixture(fixtureFolder("prior-sample-ddim"));
  const checkpoint = await fixture.checkpoint();
  using stream = gpu.stream();
  const own = new Arena(stream);
  using store = new WeightStore(own, checkpoint);
  const { prior: config } = trainPriorConfig.parse(checkpoint.config);
  const prior = new DiffusionPrior(store.root, resolvePriorConfig(config), currentDialect);
  await store.load();
  const sample = (arena: Arena) => {
    const random = new Random(2);
    const textEmbed = arena.from(random.normals(32, 0.2), [1, 32], "f32");
    const textEncodings = arena.from(random.normals(77 * 32), [1, 77, 32], "f32");
    return prior.sample(arena, { textEmbed, textEncodings, condScale: 2, steps: 2, noise: new Generator(1) });
  };
  using other = gpu.stream();
  // First, so that nothing that a call on the other stream computes is there.
  const apart = await sample(new Arena(other));
  expect(apart).toEqual(await sample(own));
  await fixture.close();
});
