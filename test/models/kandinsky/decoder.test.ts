import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { Generator } from "../../../src/diffusion/generator.js";
import { SamplingError } from "../../../src/diffusion/sampling-error.js";
import { decoderOf } from "../../../src/pipeline/decoder-call.js";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { DalleModelManager } from "../../../src/pipeline/manager/model-manager.js";
import type { Cascade, CascadeSampling } from "../../../src/models/interfaces.js";
import { coloursOf, FIT_SIDE, fitColours, latentsToFit } from "../../../src/models/diffusers/latents/latent-colours.js";
import { ArgumentError } from "../../../src/platform/arguments.js";
import { Arena } from "../../../src/tensor/arena.js";
import type { Tensor } from "../../../src/tensor/tensor.js";
import { fixtureFolder } from "../../support/golden.js";
import { sharedGpu } from "../../support/gpu.js";

const gpu = await sharedGpu();

async function openDecoder(fixture: string): Promise<DalleModelManager> {
  const pipeline = { load_type: "local", path: join(fixtureFolder(fixture), "model") };
  return DalleModelManager.create(ModelLoadConfig.parse({ pipeline }, ""), { gpu, dtype: "f32" });
}

interface Run extends Omit<CascadeSampling<Cascade>, "noise" | "imageEmbed" | "negative"> {
  readonly images?: number;
}

/** Samples with the decoder of a fixture, whose image embeddings have 16 values. */
async function sample(manager: DalleModelManager, { images = 1, ...run }: Run): Promise<readonly number[]> {
  return manager.withArena(async (arena) => {
    const embed = (from: number): Tensor =>
      arena.from(
        Float32Array.from({ length: 16 * images }, (_, i) => Math.sin(from + i)),
        [images, 16],
        "f32",
      );
    using result = await decoderOf(manager).sample(arena, {
      steps: 2,
      ...run,
      imageEmbed: embed(1),
      negative: { imageEmbed: embed(9) },
      noise: new Generator(5),
      use: (component, body) => manager.useCascade(component, ({ model }) => body(model, arena)),
    });
    return result.shape;
  });
}

describe("the decoder of Kandinsky", () => {
  let manager: DalleModelManager;
  let inpainting: DalleModelManager;
  beforeAll(async () => {
    manager = await openDecoder("kandinsky-text-to-image");
    inpainting = await openDecoder("kandinsky-inpaint");
    return () => {
      manager.dispose();
      inpainting.dispose();
    };
  });

  const arena = new Arena(gpu.stream());
  const pixels = (height: number, width: number, channels = 3) =>
    arena.from(new Float32Array(height * width * channels).fill(0.5), [1, height, width, channels], "f32");

  it("enlarges sizes up to a multiple of the latents' scale, squared", async () => {
    expect(await sample(manager, { size: [17, 30] })).toEqual([1, 20, 32, 3]);
  });

  it("starts from images of any size that the U-Net can halve", async () => {
    expect(await sample(manager, { initImage: pixels(12, 20), strength: 0.5 })).toEqual([1, 12, 20, 3]);
    await expect(sample(manager, { initImage: pixels(12, 21) })).rejects.toThrow(/21 × 12 pixels.*multiples of 4/);
    await expect(sample(manager, { initImage: pixels(12, 20), strength: 0.4 })).rejects.toThrow(/leaves none/);
  });

  it("inpaints with the U-Net that was trained for it, and only with that", async () => {
    const inputs = { inpaintImage: pixels(12, 20), inpaintMask: pixels(12, 20, 1) };
    expect(await sample(inpainting, inputs)).toEqual([1, 12, 20, 3]);
    await expect(sample(manager, inputs)).rejects.toThrow(SamplingError);
    await expect(sample(inpainting, {})).rejects.toThrow(/trained for inpainting alone/);
    const other = { ...inputs, inpaintMask: pixels(12, 12, 1) };
    await expect(sample(inpainting, other)).rejects.toThrow(/inpaintMask has 12 × 12/);
    await expect(sample(inpainting, { ...inputs, sampler: "dpmpp2m" })).rejects.toThrow(/cannot inpaint with/);
  });

  it("refuses a hint that its U-Net does not take, and other batch sizes", async () => {
    await expect(sample(manager, { hint: pixels(32, 32) })).rejects.toThrow(ArgumentError);
    await expect(sample(manager, { images: 2, initImage: pixels(12, 20) })).rejects.toThrow(/batch size of 1/);
  });

  it("samples with DPM-Solver++, but not with DDIM", async () => {
    expect(await sample(manager, { size: [8, 8], sampler: "dpmpp2m", steps: 3 })).toEqual([1, 8, 8, 3]);
    await expect(sample(manager, { sampler: "ddim" })).rejects.toThrow(/cannot be "ddim"/);
  });

  it("shows previews in the size of the latents", async () => {
    const shown: (readonly number[])[] = [];
    const preview = {
      every: 2,
      show: async (images: Tensor) => {
        const values = await images.read();
        expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
        expect(Math.max(...values)).toBeLessThanOrEqual(1);
        shown.push(images.shape);
      },
    };
    await sample(manager, { size: [8, 12], steps: 4, preview });
    expect(shown).toEqual([
      [1, 4, 6, 3],
      [1, 4, 6, 3],
    ]);
  });
});

it("colours of latents are a fit: exact where images depend on latents linearly", () => {
  const colours = [
    [0.1, 0, 0.02, -0.05, 0.5],
    [0, 0.03, 0, 0.06, 0.4],
    [-0.02, 0.05, 0.01, 0, 0.6],
  ];
  const scale = 2;
  const latents = latentsToFit();
  const side = scale * FIT_SIDE;
  const planes = Float32Array.from({ length: 3 * side ** 2 }, (_, at) => {
    const [colour, y, x] = [Math.floor(at / side ** 2), Math.floor(at / side) % side, at % side];
    const pixel = Math.floor(y / scale) * FIT_SIDE + Math.floor(x / scale);
    const weights = colours[colour]!;
    return [0, 1, 2, 3].reduce((sum, i) => sum + weights[i]! * latents[i * FIT_SIDE ** 2 + pixel]!, weights[4]!);
  });
  const fitted = fitColours(planes, scale);
  for (const [i, row] of colours.entries()) {
    for (const [j, value] of row.entries()) expect(fitted[i]![j]).toBeCloseTo(value, 5);
  }
  const [red, green, blue] = coloursOf(Float32Array.from([1, 2, 0, -1]), colours);
  expect([red, green, blue].map((value) => value!.toFixed(4))).toEqual(["0.6500", "0.4000", "0.6800"]);
});
