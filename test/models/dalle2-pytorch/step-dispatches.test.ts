import { afterEach, describe, expect, it, vi } from "vitest";
import { Generator } from "../../../src/diffusion/generator.js";
import type { NoiseSource } from "../../../src/diffusion/noise.js";
import { isSharedSampler, SAMPLER_NAMES, type SamplerName } from "../../../src/diffusion/samplers.js";
import { SamplingError } from "../../../src/diffusion/sampling-error.js";
import { Decoder, type DecoderSampling } from "../../../src/models/dalle2-pytorch/decoder.js";
import { currentDialect } from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import { DiffusionPrior } from "../../../src/models/dalle2-pytorch/diffusion-prior.js";
import { resolveDecoderConfig, resolvePriorConfig } from "../../../src/models/dalle2-pytorch/options.js";
import { trainDecoderConfig, trainPriorConfig } from "../../../src/models/dalle2-pytorch/train-config.js";
import { Arena } from "../../../src/tensor/arena.js";
import { openFixture } from "../../../src/models/open-fixture.js";
import { WeightStore } from "../../../src/weights/weight-store.js";
import { fixtureFolder } from "../../support/golden.js";
import { Random, sharedGpu } from "../../support/gpu.js";

const gpu = await sharedGpu();
const arena = new Arena(gpu.stream());
const random = new Random(3);

/** Samples with a number of steps and the given `noise`. */
type Sample = (steps: number, sampler: SamplerName | undefined, noise: NoiseSource, on?: Arena) => Promise<void>;

async function withDecoder(run: Partial<DecoderSampling>, body: (sample: Sample) => Promise<void>): Promise<void> {
  const fixture = await openFixture(fixtureFolder("decoder-cascade"));
  const checkpoint = await fixture.checkpoint();
  using store = new WeightStore(arena, checkpoint);
  const options = resolveDecoderConfig(trainDecoderConfig.parse(checkpoint.config).decoder);
  const decoder = new Decoder(Decoder.declare(store.root, options, currentDialect));
  await store.load();
  using imageEmbed = arena.from(random.normals(32, 0.2), [1, 32], "f32");
  using textEncodings = arena.from(random.normals(10 * 32), [1, 10, 32], "f32");
  await body(async (steps, sampler, noise, on = arena) => {
    const sampling = { imageEmbed, textEncodings, steps, sampler, noise, ...run };
    const images = await decoder.sample(on, sampling);
    images.dispose();
  });
  await fixture.close();
}

async function withPrior(condScale: number, body: (sample: Sample) => Promise<void>): Promise<void> {
  const fixture = await openFixture(fixtureFolder("prior-sample-ddim"));
  const checkpoint = await fixture.checkpoint();
  using store = new WeightStore(arena, checkpoint);
  const { prior: config } = trainPriorConfig.parse(checkpoint.config);
  const prior = new DiffusionPrior(store.root, resolvePriorConfig(config), currentDialect);
  await store.load();
  using textEmbed = arena.from(random.normals(32, 0.2), [1, 32], "f32");
  using textEncodings = arena.from(random.normals(77 * 32), [1, 77, 32], "f32");
  await body(async (steps, sampler, noise, on = arena) => {
    await prior.sample(on, { textEmbed, textEncodings, condScale, steps, sampler, noise });
  });
  await fixture.close();
}

const networks = [
  {
    name: "U-Net 1, guided",
    run: (body: (sample: Sample) => Promise<void>) => withDecoder({ condScale: 2, stopAtUnetNumber: 1 }, body),
  },
  { name: "both U-Nets", run: (body: (sample: Sample) => Promise<void>) => withDecoder({}, body) },
  { name: "the prior, guided", run: (body: (sample: Sample) => Promise<void>) => withPrior(2, body) },
  { name: "the prior", run: (body: (sample: Sample) => Promise<void>) => withPrior(1, body) },
];

/** Reports its commands, so that passes are encoded and not replayed. */
const encoding = new Arena(gpu.stream({ onCommand: () => undefined }));

/** Kernels that `body` dispatches, with variant, numbers and grid, split into passes. The last part is what follows. */
async function dispatchesOf(body: () => Promise<void>, { stream } = encoding): Promise<string[][]> {
  const dispatch = vi.spyOn(stream, "dispatch");
  await body();
  const passes: string[][] = [[]];
  for (const [kernel, { types, constants, overrides, choices, params, grid }] of dispatch.mock.calls) {
    passes.at(-1)!.push(JSON.stringify([kernel, types, constants, overrides, choices, params, grid]));
    if (kernel === "noteNotFinite") passes.push([]);
  }
  dispatch.mockRestore();
  return passes;
}

afterEach(() => {
  vi.restoreAllMocks();
});

const cases = networks.flatMap((network) => SAMPLER_NAMES.map((sampler) => ({ ...network, sampler })));

describe.each(cases)("$name by $sampler", ({ run, sampler }) => {
  it("uploads a step counter and at most one draw of noise in each step", () =>
    run(async (sample) => {
      const uploads = async (steps: number) => {
        const write = vi.spyOn(encoding.stream, "write");
        const generator = new Generator(1);
        let draws = 0;
        const noise: NoiseSource = {
          randn: (shape) => {
            draws++;
            return generator.randn(shape);
          },
        };
        const passes = (await dispatchesOf(() => sample(steps, sampler, noise, encoding))).length - 1;
        const writes = write.mock.calls.length;
        write.mockRestore();
        return { writes, draws, passes };
      };
      const [few, many] = [await uploads(4), await uploads(9)];
      const [writes, draws, passes] = [many.writes - few.writes, many.draws - few.draws, many.passes - few.passes];
      expect(passes).toBeGreaterThanOrEqual(5);
      expect(isSharedSampler(sampler) ? [0, passes] : [passes]).toContain(draws);
      expect(writes).toBeGreaterThanOrEqual(passes);
      expect(writes).toBeLessThanOrEqual(passes + draws);
    }));

  it("dispatches the same in each step after the first", () =>
    run(async (sample) => {
      const passes = await dispatchesOf(() => sample(6, sampler, new Generator(1), encoding));
      expect(passes[2]!.length).toBeGreaterThan(20);
      expect(passes[2]).toEqual(passes[1]);
      expect(passes[3]).toEqual(passes[2]);
    }));

  it("replays steps: later ones encode nothing, and make no bind group, no buffer and no other upload", () =>
    run(async (sample) => {
      const count = async (steps: number) => {
        const [before, { created }] = [gpu.counters, gpu.memory()];
        const encoded = (await dispatchesOf(() => sample(steps, sampler, new Generator(1)), arena)).length;
        const { bindGroups, dispatches, uploads } = gpu.counters;
        return {
          dispatches: dispatches - before.dispatches,
          uploads: uploads - before.uploads,
          bindGroups: bindGroups - before.bindGroups,
          fixed: [encoded, gpu.memory().created - created],
        };
      };
      // Tables of both lengths have buffers then.
      for (const steps of [8, 5]) await sample(steps, sampler, new Generator(1));
      const [few, many] = [await count(5), await count(8)];
      expect(many.fixed).toEqual(few.fixed);
      // Where tables of other lengths are may change some of what is computed before the first step.
      expect(many.bindGroups).toBeLessThanOrEqual(few.bindGroups + 8);
      expect(many.dispatches - few.dispatches).toBeGreaterThan(3 * 20);
      // The counter and the noise of each step, for each U-Net.
      expect(many.uploads - few.uploads).toBeLessThanOrEqual(2 * 3 * 2);
    }));

  it("is compiled by a dry run, which draws nothing", () =>
    run(async (sample) => {
      const silent = { randn: () => expect.unreachable("noise was drawn") };
      using stream = gpu.stream({ executor: "compile" });
      const compiled = new Arena(stream);
      const dry = await dispatchesOf(() => sample(6, sampler, silent, compiled), compiled);
      await stream.sync();
      const real = await dispatchesOf(() => sample(6, sampler, new Generator(1), encoding));
      expect([...new Set(dry.flat())].sort()).toEqual([...new Set(real.flat())].sort());
    }));
});

it("refuses to inpaint by DPM-Solver++, and says what does", () =>
  withDecoder({}, async () => {
    using inpaintImage = arena.from(new Float32Array(16 * 16 * 3), [1, 16, 16, 3], "f32");
    using inpaintMask = arena.from(new Float32Array(16 * 16), [1, 16, 16, 1], "f32");
    await withDecoder({ inpaintImage, inpaintMask }, async (sample) => {
      const inpainting = sample(4, "dpmpp2m", new Generator(1));
      await expect(inpainting).rejects.toThrow(SamplingError);
      await expect(inpainting).rejects.toThrow(/U-Net 1 cannot inpaint with the sampler "dpmpp2m".*"ddim" or "ddpm"/);
      await sample(3, "ddim", new Generator(1));
    });
  }));
