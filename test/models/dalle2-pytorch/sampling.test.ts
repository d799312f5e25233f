import { ArgumentError } from "../../../src/platform/arguments.js";
import { expect, it } from "vitest";
import { resolveDecoderConfig, resolvePriorConfig } from "../../../src/models/dalle2-pytorch/options.js";
import { trainDecoderConfig, trainPriorConfig } from "../../../src/models/dalle2-pytorch/train-config.js";
import { Decoder } from "../../../src/models/dalle2-pytorch/decoder.js";
import { Generator } from "../../../src/diffusion/generator.js";
import { NoisePerImage, RecordedNoise, type NoiseSource } from "../../../src/diffusion/noise.js";
import { DiffusionPrior } from "../../../src/models/dalle2-pytorch/diffusion-prior.js";
import type { SamplerName } from "../../../src/diffusion/samplers.js";
import { NotFiniteError } from "../../../src/diffusion/sampling-error.js";
import { Arena } from "../../../src/tensor/arena.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { openFixture } from "../../../src/models/open-fixture.js";
import { verifyFixture } from "../../../src/verify/verify.js";
import { currentDialect } from "../../../src/models/dalle2-pytorch/dialect/dialect.js";
import { WeightStore } from "../../../src/weights/weight-store.js";
import { fixtureFolder } from "../../support/golden.js";
import { difference, Random, sharedGpu } from "../../support/gpu.js";

/** Runs `body` with the decoder of a fixture. */
async function withDecoder(name: string, body: (decoder: Decoder, arena: Arena) => Promise<void>): Promise<void> {
  const fixture = await openFixture(fixtureFolder(name));
  const checkpoint = await fixture.checkpoint();
  const arena = new Arena((await sharedGpu()).stream());
  using store = new WeightStore(arena, checkpoint);
  const options = resolveDecoderConfig(trainDecoderConfig.parse(checkpoint.config).decoder);
  const decoder = new Decoder(Decoder.declare(store.root, options, currentDialect));
  await store.load();
  await body(decoder, arena);
  await fixture.close();
}

function imageEmbed(arena: Arena, batch: number, seed = 1): Tensor {
  return arena.from(new Random(seed).normals(batch * 32, 0.2), [batch, 32], "f32");
}

/** Records the shapes of the noise. */
class ObservedNoise implements NoiseSource {
  readonly shapes: (readonly number[])[] = [];
  readonly #generator = new Generator(3);

  randn(shape: readonly number[]): Float32Array {
    this.shapes.push(shape);
    return this.#generator.randn(shape);
  }
}

it("draws noise in the reference's order, for the low-resolution image too", async () => {
  await withDecoder("decoder-cascade-noise", async (decoder, arena) => {
    using embed = imageEmbed(arena, 2);
    const noise = new ObservedNoise();
    const images = await decoder.sample(arena, { imageEmbed: embed, noise, stopAtUnetNumber: 2 });
    expect(images.shape).toEqual([2, 24, 24, 3]);
    images.dispose();
    // Each U-Net with 3 DDIM steps: noise to start from, and noise in every step except the last, multiplied by zero. Before
    // them the second U-Net adds noise to the image of the first. The fixture's `noise.N` had these shapes.
    const [first, second] = [
      [2, 3, 16, 16],
      [2, 3, 24, 24],
    ];
    expect(noise.shapes).toEqual([first, first, first, second, second, second, second]);
  });
});

it("refuses a schedule that ends in pure noise, for which the reference computes NaN", async () => {
  await withDecoder("decoder-cascade-noise", async (decoder, arena) => {
    using embed = imageEmbed(arena, 1);
    await expect(decoder.sample(arena, { imageEmbed: embed, noise: new Generator(0) })).rejects.toThrow(NotFiniteError);
    await expect(decoder.sample(arena, { imageEmbed: embed, noise: new Generator(0) })).rejects.toThrow("timestep 59");
    // Its advice helps; fewer steps of another sampler would not.
    const stage = decoder.stages[2]!;
    const check = (sampler: SamplerName, steps: number) => () => {
      stage.check({ condScale: 1, sampler, steps });
    };
    expect(check("dpmpp2m", 5)).toThrow(
      expect.objectContaining({ advice: 'Use the sampler "ddim" with fewer than 59 steps.' }),
    );
    expect(check("ddim", 59)).toThrow(NotFiniteError);
    expect(check("ddim", 58)).not.toThrow();
  });
  // The fixture's expected images are all NaN.
  const gpu = await sharedGpu();
  const arena = new Arena(gpu.stream());
  const result = await verifyFixture(fixtureFolder("decoder-cascade-noise"), () => Promise.resolve({ gpu, arena }));
  expect(result).toMatchObject({ pass: true, maxAbs: 0 });
});

it("gives an image with its own generator the same pixels as by itself", async () => {
  await withDecoder("decoder-ddim-eta", async (decoder, arena) => {
    using three = imageEmbed(arena, 3);
    using second = arena.from((await three.read()).slice(32, 64), [1, 32], "f32");
    const noise = new NoisePerImage([5, 6, 7].map((seed) => new Generator(seed)));
    using together = await decoder.sample(arena, { imageEmbed: three, noise });
    using alone = await decoder.sample(arena, { imageEmbed: second, noise: new Generator(6) });
    const size = 16 * 16 * 3;
    const inCompany = (await together.read()).slice(size, 2 * size);
    // The same sums, unless kernels divide them differently for another batch size: f32 rounding over 6 steps at most.
    expect(difference(inCompany, await alone.read()).maxRelative).toBeLessThan(1e-5);
  });
});

it("needs no new memory in a second run, and returns all", async () => {
  await withDecoder("decoder-cascade", async (decoder, arena) => {
    using embed = imageEmbed(arena, 2);
    using textEncodings = arena.from(new Random(2).normals(2 * 10 * 32), [2, 10, 32]);
    const run = async (): Promise<void> => {
      const images = await decoder.sample(arena, {
        imageEmbed: embed,
        textEncodings,
        condScale: 2,
        noise: new Generator(1),
      });
      await images.read();
      images.dispose();
    };
    await run();
    const { live, created } = (await sharedGpu()).memory();
    await run();
    expect((await sharedGpu()).memory()).toMatchObject({ live, created });
  });
});

it("stops at the signal between two steps, and frees what it had", async () => {
  await withDecoder("decoder-ddim-eta", async (decoder, arena) => {
    using embed = imageEmbed(arena, 1);
    const { live } = (await sharedGpu()).memory();
    const abort = new AbortController();
    const steps: number[] = [];
    const sampling = decoder.sample(arena, {
      imageEmbed: embed,
      noise: new Generator(1),
      signal: abort.signal,
      onProgress: ({ step, steps: all }) => {
        expect(all).toBe(6);
        steps.push(step);
        if (step === 2) abort.abort(new Error("enough"));
      },
    });
    await expect(sampling).rejects.toThrow("enough");
    expect(steps).toEqual([1, 2]);
    await arena.stream.sync();
    expect((await sharedGpu()).memory().live).toBe(live);
  });
});

it("says what a decoder lacks before anything is computed", async () => {
  await withDecoder("decoder-cascade", async (decoder, arena) => {
    using embed = imageEmbed(arena, 2);
    using textEncodings = arena.from(new Random(2).normals(10 * 32), [1, 10, 32]);
    const noise = new RecordedNoise([]);
    const cases = [
      [{ noise }, "imageEmbed"],
      [{ noise, imageEmbed: embed }, "textEncodings"],
      [{ noise, imageEmbed: embed, textEncodings }, "textEncodings has a batch size of 1, but the other inputs have 2"],
      [{ noise, startAtUnetNumber: 2 }, "image to start from"],
      [{ noise, startAtUnetNumber: 3 }, "this decoder has U-Nets 1 to 2"],
    ] as const;
    for (const [sampling, message] of cases) await expect(decoder.sample(arena, sampling)).rejects.toThrow(message);
    await expect(decoder.sample(arena, { noise })).rejects.toThrow(ArgumentError);
  });
});

it("lets a prior without conditional dropout run without guidance only", async () => {
  const fixture = await openFixture(fixtureFolder("prior-sample-ddim"));
  const checkpoint = await fixture.checkpoint();
  const arena = new Arena((await sharedGpu()).stream());
  using store = new WeightStore(arena, checkpoint);
  const { prior: config } = trainPriorConfig.parse(checkpoint.config);
  const options = resolvePriorConfig({ ...config, cond_drop_prob: 0 });
  const prior = new DiffusionPrior(store.root, options, currentDialect);
  await store.load();
  using textEmbed = imageEmbed(arena, 1);
  using textEncodings = arena.from(new Random(2).normals(77 * 32), [1, 77, 32]);
  const sampling = { textEmbed, textEncodings, noise: new Generator(1) };
  await expect(prior.sample(arena, { ...sampling, condScale: 2 })).rejects.toThrow("condScale must be 1, got 2");
  const embedding = await prior.sample(arena, sampling);
  expect(embedding).toHaveLength(32);
  await fixture.close();
});
