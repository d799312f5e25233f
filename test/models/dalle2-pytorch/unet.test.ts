import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { ConfigError } from "../../../src/config/config-error.js";
import { resolveUnetConfig } from "../../../src/models/dalle2-pytorch/options.js";
import { unetConfig } from "../../../src/models/dalle2-pytorch/train-config.js";
import { unetArchitecture } from "../../../src/models/dalle2-pytorch/unet/architecture.js";
import type { UnetRun } from "../../../src/models/dalle2-pytorch/unet/conditioning.js";
import { Unet } from "../../../src/models/dalle2-pytorch/unet/unet.js";
import { ShapeError } from "../../../src/ops/shape-error.js";
import { StepInputs } from "../../../src/ops/step-inputs.js";
import { Arena } from "../../../src/tensor/arena.js";
import { openFixture } from "../../../src/models/open-fixture.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { currentDialect, dialectForVersion } from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import { WeightStore } from "../../../src/weights/weight-store.js";
import { fixtureFolder } from "../../support/golden.js";
import { expectClose, Random, sharedGpu } from "../../support/gpu.js";

const config = { dim: 8, dim_mults: [1, 2], resnet_groups: 4, attn_dim_head: 8, attn_heads: 2 };

describe("the architecture", () => {
  const built = (version: string, options: object = {}) =>
    unetArchitecture(
      resolveUnetConfig(unetConfig.parse({ ...config, ...options })),
      dialectForVersion(version, { sampler: "fixed" }).network,
    );

  // For each stage: input and output channels, input of the first block, blocks on the way down, blocks on the way up.
  it.each([
    ["0.5.0", false, ["4 8 4 8 4", "8 16 8 16 8"], 4, "transposed"],
    ["0.8.0", false, ["8 8 8 8 8", "8 16 16 16 8"], 8, "transposed"],
    ["0.12.4", false, ["8 8 8 8 8", "8 16 8 16 8"], 8, "transposed"],
    ["0.14.1", false, ["8 8 8 8 8", "8 16 8 8 16"], 8, "nearest"],
    ["0.15.4", true, ["8 8 8 8 8", "8 16 16 16 16"], 8, "transposed"],
    ["0.21.1", false, ["8 8 8 8 8", "8 16 8 8 16"], 8, "pixelShuffle"],
  ])("of version %s, memory efficient: %s, widens where that version did", (version, memoryEfficient, ...expected) => {
    const { stages, initDim, upsample } = built(version, { memory_efficient: memoryEfficient });
    const widths = stages.map((stage) => {
      const { dimIn, dimOut, dimStart, dimDown, dimUp } = stage;
      return [dimIn, dimOut, dimStart, dimDown, dimUp].join(" ");
    });
    expect([widths, initDim, upsample]).toEqual(expected);
  });

  it("attends where the version did", () => {
    const attention = (version: string) => {
      const options = { dim_mults: [1, 2, 3], self_attn: [false, true, true], attend_at_middle: false };
      const { stages, midAttention } = built(version, options);
      const ups = stages.map(({ crossAttendUp }) => crossAttendUp);
      return [stages.map((stage) => stage.attention), ups, midAttention];
    };
    expect(attention("0.9.0")).toEqual([["none", "none", "none"], [false, false, true], false]);
    expect(attention("0.15.2")).toEqual([["none", "none", "none"], [false, true, true], false]);
    expect(attention("0.15.3")).toEqual([["none", "self", "self"], [false, true, true], true]);
  });

  it("refuses widths that the version could not join", () => {
    expect(() => built("1.14.2", { init_dim: 16 })).toThrow(ConfigError);
    expect(() => built("0.9.2", { init_dim: 16 })).toThrow("init_dim is 16");
    expect(built("0.7.1", { init_dim: 16 }).initDim).toBe(16);
    expect(() => built("1.14.2", { dim: 15 })).toThrow("dim is 15");
    expect(() => built("1.14.2", { dim: 2 })).toThrow(ConfigError);
  });

  it("takes numbers and layers from the version", () => {
    const flags = (version: string) => {
      const { selfAttention, linearAttention, downsample, crossAttention, lowresAtEnd, norms } = built(version, {
        lowres_cond: true,
      });
      const { scale } = selfAttention;
      return [scale, linearAttention, downsample, crossAttention.path, lowresAtEnd, norms.stable];
    };
    expect(flags("0.21.3")).toEqual([8 ** -0.5, "plain", "strided", "cross_attn.fn", false, true]);
    expect(flags("1.2.2")).toEqual([8 ** -0.5, "v_hw", "strided", "cross_attn.fn", true, false]);
    expect(flags("1.12.1")).toEqual([1 / 8, "l2v_sqrt", "unshuffle", "cross_attn.fn", true, false]);
    expect(flags("1.14.2")).toEqual([1 / 8, "l2v_sqrt", "unshuffle", "cross_attn", true, false]);
  });

  it("ignores options that the version did not know", () => {
    const options = { scale_skip_connection: true, self_cond: true, combine_upsample_fmaps: true };
    const { skipScale, selfCond, combineUpsampleFmaps } = built("0.23.4", options);
    expect([skipScale, selfCond, combineUpsampleFmaps]).toEqual([Math.SQRT1_2, false, false]);
  });
});

describe("a forward pass", () => {
  async function withUnet(name: string, body: (unet: Unet, arena: Arena) => Promise<void>): Promise<void> {
    const arena = new Arena((await sharedGpu()).stream());
    const fixture = await openFixture(fixtureFolder(name));
    try {
      using store = new WeightStore(arena, await fixture.checkpoint());
      const { unet: options } = fixture.info(unetFixture);
      const unet = new Unet(store.root, resolveUnetConfig(options), currentDialect.network);
      await store.load();
      await body(unet, arena);
    } finally {
      await fixture.close();
    }
  }
  function predict(unet: Unet, x: Tensor, run: Omit<UnetRun, "batch">, condScale = 1, selfCond?: Tensor): Tensor {
    using inputs = new StepInputs(x.arena, 1);
    return unet.forward(x, unet.prepare(inputs, { batch: x.shape[0]!, ...run }, condScale), selfCond);
  }
  const unetFixture = z.looseObject({ unet: unetConfig });
  const random = new Random(7);

  it("uses zeros if there is no prediction to condition on", () =>
    withUnet("unet-cross-embed", async (unet, arena) => {
      const x = arena.from(random.normals(2 * 16 * 16 * 3), [2, 16, 16, 3]);
      const imageEmbed = arena.from(random.normals(64), [2, 32]);
      const selfCond = arena.from(new Float32Array(2 * 16 * 16 * 3), [2, 16, 16, 3]);
      const run = { times: [[5, 900]], condition: { imageEmbed } };
      const without = await predict(unet, x, run).read();
      expect(await predict(unet, x, run, 1, selfCond).read()).toEqual(without);
    }));

  // What passes read of times and conditions is computed before, for all passes or for one at a time.
  it.each([
    ["unet-base", undefined],
    ["unet-base", 1],
    ["unet-lowres-noise", undefined],
    ["unet-lowres-noise", 1],
    ["unet-cosine", 1],
  ])("predicts in each pass of a guided run as in a run of that pass alone: %s, tables of %s bytes", (name, bytes) =>
    withUnet(name, async (unet, arena) => {
      const normals = (...shape: number[]) => arena.from(random.normals(shape.reduce((a, b) => a * b, 1)), shape);
      const x = normals(2, 16, 16, 3);
      const condition = {
        imageEmbed: normals(2, 32),
        textEncodings: normals(2, 5, 32),
        lowresCondImg: normals(2, 16, 16, 3),
        lowresNoiseLevel: [100, 300],
      };
      const times = [900, [10, 20], [10, 20], 400].map((time) => (typeof time === "number" ? [time, time] : time));
      using inputs = new StepInputs(arena, times.length, bytes);
      const prepared = unet.prepare(inputs, { batch: 2, times, condition }, 3);
      for (const [pass, time] of times.entries()) {
        inputs.goTo(pass);
        const predicted = await unet.forward(x, prepared).read();
        const alone = await predict(unet, x, { times: [time], condition }, 3).read();
        // Other kernels may compute a product of more rows: roundings of f32, through all layers.
        expectClose(predicted, alone, { maxRelative: bytes === undefined ? 1e-5 : 0 });
      }
      expect(await unet.forward(x, prepared).read()).not.toEqual(
        await predict(unet, x, { times: [401], condition }, 3).read(),
      );
    }),
  );

  it("with a guidance scale of 0 is the null prediction", () =>
    withUnet("unet-base", async (unet, arena) => {
      const x = arena.from(random.normals(16 * 16 * 3), [1, 16, 16, 3]);
      const condition = {
        imageEmbed: arena.from(random.normals(32), [1, 32]),
        textEncodings: arena.from(random.normals(5 * 32), [1, 5, 32]),
      };
      const run = { times: [300], condition };
      const conditional = await predict(unet, x, run).read();
      const dropped = await predict(unet, x, { ...run, keep: { image: [0], text: [0] } }).read();
      expect(dropped).not.toEqual(conditional);
      expect(await predict(unet, x, run, 0).read()).toEqual(dropped);
    }));

  it("says which condition is missing or does not fit", () =>
    withUnet("unet-upsampler", (unet, arena) => {
      const x = arena.from(random.normals(16 * 16 * 3), [1, 16, 16, 3]);
      expect(() => predict(unet, x, { times: [1], condition: {} })).toThrow(ShapeError);
      expect(() => predict(unet, x, { times: [1], condition: {} })).toThrow("lowresCondImg is absent");
      using inputs = new StepInputs(arena, 1);
      const prepared = unet.prepare(inputs, { batch: 2, times: [1], condition: { lowresCondImg: x } });
      expect(() => unet.forward(x, prepared)).toThrow("x is [1, 16, 16, 3]");
      return Promise.resolve();
    }));
});
