import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Generator } from "../../src/diffusion/generator.js";
import { ArgumentError } from "../../src/platform/arguments.js";
import { makeImage, type RgbImage } from "../../src/image/image.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../../src/pipeline/scripts/basic-inpainting.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { Interpolate } from "../../src/pipeline/scripts/interpolate.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import type { GeneratedImage } from "../../src/pipeline/generated-image.js";
import type { CallOptions, SampleDecoderOptions, ScriptProgress } from "../../src/pipeline/script-options.js";
import { TextGuidedEdit } from "../../src/pipeline/scripts/text-guided-edit.js";
import { Upscale } from "../../src/pipeline/scripts/upscale.js";
import { sharedGpu } from "../support/gpu.js";
import { isRight, judge } from "../support/shapes-measure.js";

const CONFIG = "configs/shapes.json";

/** Few steps, for tests in which the content of an image does not matter. */
const few = { priorSteps: 3, decoderSteps: [3, 2] };
const fewDecoder = { steps: few.decoderSteps };

let manager: DalleModelManager;

beforeAll(async () => {
  manager = await DalleModelManager.create(await ModelLoadConfig.fromJsonPath(CONFIG), {
    gpu: await sharedGpu(),
    dtype: "f32",
  });
  // Loads all weights first, so that tensors that a call leaves can be counted.
  await manager.load();
});

afterAll(() => {
  manager.dispose();
});

/** Makes protected methods of scripts public. */
class Bare extends InferenceScript {
  decode(options: SampleDecoderOptions): Promise<Map<number, GeneratedImage[]>> {
    return this.sampleDecoder(options);
  }
}

/** An image as in the training of the model: a coloured shape in the middle of a ground. */
function shapeImage(
  shape: "circle" | "square",
  color: readonly number[],
  side = 64,
  ground = [250, 250, 250],
): RgbImage {
  const data = new Uint8Array(side * side * 3);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const [dx, dy] = [(x + 0.5) / side - 0.5, (y + 0.5) / side - 0.5];
      const inside = shape === "circle" ? Math.hypot(dx, dy) < 0.22 : Math.max(Math.abs(dx), Math.abs(dy)) < 0.2;
      data.set(inside ? color : ground, (y * side + x) * 3);
    }
  }
  return makeImage(side, side, 3, data);
}

const redCircle = shapeImage("circle", [220, 40, 40]);
const blueSquare = shapeImage("square", [40, 80, 220]);

/** Largest difference between the bytes of two images. */
function apart(a: RgbImage, b: RgbImage): number {
  expect([b.width, b.height]).toEqual([a.width, a.height]);
  return a.data.reduce((most, value, i) => Math.max(most, Math.abs(value - b.data[i]!)), 0);
}

function meanApart(a: RgbImage, b: RgbImage): number {
  return a.data.reduce((sum, value, i) => sum + Math.abs(value - b.data[i]!), 0) / a.data.length;
}

function only(images: Map<number, GeneratedImage[]>): GeneratedImage {
  expect(images.size).toBe(1);
  return images.get(0)![0]!;
}

async function inferred(text: string, options: object): Promise<GeneratedImage> {
  const images = await new BasicInference(manager).run(text, { ...few, ...options });
  return only(images.get(0)!);
}

it("returns with each image what repeats it", async () => {
  const images = await new BasicInference(manager).run(["a red circle", "a blue square"], { ...few, seeds: [7, 8] });
  const second = images.get(1)!.get(1)![0]!;
  expect(second.seed).toBe(8);
  expect(second.parameters).toEqual({
    script: "BasicInference",
    tuning: manager.gpu.tuning.id,
    text: "a blue square",
    priorCondScale: 1,
    priorSteps: 3,
    priorNumSamplesPerBatch: 2,
    decoderCondScale: [2, 1],
    decoderSteps: [3, 2],
  });
  const { text, ...parameters } = JSON.parse(JSON.stringify(second.parameters)) as { text: string };
  expect(apart(second, await inferred(text, { ...parameters, seeds: [second.seed] }))).toBeLessThanOrEqual(1);
});

it("uses the samplers that are named, and records them", async () => {
  const plain = await inferred("a red circle", { seed: 7 });
  const samplers = { priorSampler: "ddpm", decoderSampler: "dpmpp2m" } as const;
  const solved = await inferred("a red circle", { seed: 7, ...samplers });
  expect(solved.parameters).toMatchObject({ priorSampler: "ddpm", decoderSampler: ["dpmpp2m", "dpmpp2m"] });
  expect(apart(plain, solved)).toBeGreaterThan(2);
  // For so few steps, DDIM is the default.
  const same = await inferred("a red circle", { seed: 7, priorSampler: "ddim", decoderSampler: "ddim" });
  expect(apart(plain, same)).toBe(0);
  await expect(inferred("a red circle", { decoderSampler: "unheard-of" })).rejects.toThrow("decoderSampler must be");
  const mask = new Uint8Array(redCircle.width * redCircle.height).fill(1);
  const inpainting = new BasicInpainting(manager).run([redCircle], [mask], "a red circle", { ...few, ...samplers });
  await expect(inpainting).rejects.toThrow('U-Net 1 cannot inpaint with the sampler "dpmpp2m"');
});

it("is created from the path of a load config, and disposes its models", async () => {
  const gpu = await sharedGpu();
  const { live } = gpu.memory();
  {
    using script = await BasicInference.create(CONFIG, { gpu, dtype: "f32" });
    const images = await script.run("a red circle", { ...few, seed: 1 });
    expect(only(images.get(0)!).width).toBe(64);
    expect(gpu.memory().live).toBeGreaterThan(live);
  }
  expect(gpu.memory().live).toBe(live);
  new BasicInference(manager).dispose();
  await inferred("a red circle", { seed: 1 });
});

it("generates red circles as variations of a red circle", async () => {
  const options = { text: "a red circle", steps: [10, 4], sampleCount: 3, seeds: [1, 2, 3] };
  const images = await new ImageVariation(manager).run([redCircle], options);
  const judged = images.get(0)!.map(({ data }) => isRight(judge("a red circle on a white background", 64, data)));
  expect(judged).toEqual([true, true, true]);
}, 60_000);

describe("Upscale", () => {
  const small = shapeImage("circle", [220, 40, 40], 32);

  it("enlarges an image from 32 to 64 pixels", async () => {
    const options = { seed: 3, steps: [3, 6] };
    const image = only(await new Upscale(manager).run([small], options));
    const same = only(await new Bare(manager).decode({ images: [small], startAtUnetNumber: 2, ...options }));
    expect(image).toMatchObject({ width: 64, height: 64, data: same.data });
    expect(image.parameters).toEqual({
      script: "Upscale",
      tuning: manager.gpu.tuning.id,
      startAtUnetNumber: 2,
      condScale: [2, 1],
      steps: [3, 6],
    });
    expect(isRight(judge("a red circle on a white background", 64, image.data))).toBe(true);
    // Measured: 5 levels on average, mostly at the edge. A blue square would differ by 23.
    expect(meanApart(image, redCircle)).toBeLessThan(8);
  }, 60_000);

  it("needs square images of one size that are large enough", async () => {
    const script = new Upscale(manager);
    const oblong = makeImage(40, 50, 3, new Uint8Array(6000));
    await expect(script.run([small, oblong])).rejects.toThrow("images[1] has 40 × 50 pixels");
    await expect(script.run([small, redCircle])).rejects.toThrow("and images[1] 64 × 64");
    await expect(script.run([shapeImage("circle", [0, 0, 0], 16)])).rejects.toThrow("at least 32 pixels");
    await expect(script.run([redCircle], { startAtUnetNumber: 3 })).rejects.toThrow("this decoder has U-Nets 1 to 2");
  });
});

describe("Interpolate", () => {
  it("ends at the images of BasicInference for both prompts", async () => {
    const script = new Interpolate(manager);
    const images = await script.run("a red circle", "a blue square", { ...few, frames: 3, seed: 5 });
    const [first, middle, last] = images as [GeneratedImage, GeneratedImage, GeneratedImage];
    const ends = [await inferred("a red circle", { seed: 5 }), await inferred("a blue square", { seed: 5 })] as const;
    // In a batch and alone, images are computed by the same kernels in the same order: no byte differs on lavapipe.
    expect(apart(first, ends[0])).toBeLessThanOrEqual(1);
    expect(apart(last, ends[1])).toBeLessThanOrEqual(1);
    expect(Math.min(apart(first, last), apart(middle, first), apart(middle, last))).toBeGreaterThan(100);
    expect(middle.parameters).toMatchObject({ start: "a red circle", end: "a blue square", frames: 3, position: 0.5 });
  }, 60_000);

  it("ends at the images of ImageVariation for both images", async () => {
    const text = "a shape";
    const images = await new Interpolate(manager).run(redCircle, blueSquare, { ...few, frames: 3, seed: 5, text });
    const variation = async (image: RgbImage): Promise<GeneratedImage> =>
      only(await new ImageVariation(manager).run([image], { ...fewDecoder, seed: 5, text }));
    expect(apart(images[0]!, await variation(redCircle))).toBeLessThanOrEqual(1);
    expect(apart(images[2]!, await variation(blueSquare))).toBeLessThanOrEqual(1);
    expect(images[1]!.parameters).toEqual({
      script: "Interpolate",
      tuning: manager.gpu.tuning.id,
      text,
      frames: 3,
      position: 0.5,
      decoderCondScale: [2, 1],
      decoderSteps: [3, 2],
    });
  }, 60_000);

  it("says which input is missing", async () => {
    const script = new Interpolate(manager);
    await expect(script.run("a", "b", { frames: 1 })).rejects.toThrow(ArgumentError);
    await expect(script.run("a red circle", blueSquare, { ...few, frames: 2 })).rejects.toThrow("the option text");
  });
});

describe("a negative prompt", () => {
  it("that equals the prompt has the effect of no guidance", async () => {
    const text = "a red circle";
    const guided = { priorCondScale: 3, decoderCondScale: [4, 1], seed: 3 };
    const unguided = await inferred(text, { priorCondScale: 1, decoderCondScale: 1, seed: 3 });
    const away = await inferred(text, { ...guided, negativeText: text });
    // null + (conditional - null) · scale with equal terms: only rounding remains, times the scale.
    expect(apart(away, unguided)).toBeLessThanOrEqual(1);
    expect(apart(away, await inferred(text, guided))).toBeGreaterThan(100);
    expect(away.parameters).toMatchObject({ text, negativeText: text, priorCondScale: 3 });
  }, 60_000);

  it("also has an effect on variations", async () => {
    const options = { ...fewDecoder, seed: 3, text: "a red circle", condScale: [3, 1] };
    const variation = async (more: object): Promise<GeneratedImage> =>
      only(await new ImageVariation(manager).run([redCircle], { ...options, ...more }));
    const [plain, away] = [await variation({}), await variation({ negativeText: "a blue square" })];
    expect(apart(plain, away)).toBeGreaterThan(100);
    expect(away.parameters.negativeText).toBe("a blue square");
  }, 60_000);

  it("is what images move away from", async () => {
    const options = {
      seed: 11,
      priorCondScale: 2,
      priorSteps: 8,
      decoderCondScale: [3, 1],
      decoderSteps: [10, 4],
    };
    /** Mean level of an image whose prompt does not say the ground. */
    const brightness = async (ground: string): Promise<number> => {
      const negativeText = `a red circle on a ${ground} background`;
      const { data } = await inferred("a red circle", { ...options, negativeText });
      return data.reduce((sum, value) => sum + value, 0) / data.length;
    };
    // Measured: 206 and 41 levels of 255.
    expect(await brightness("black")).toBeGreaterThan((await brightness("white")) + 80);
  }, 60_000);

  it("that would change nothing is an error", async () => {
    const none = { negativeText: "a blue square", priorCondScale: 1, decoderCondScale: 1 };
    await expect(inferred("a red circle", none)).rejects.toThrow("negativeText would change nothing");
    // The second U-Net of the Shapes model takes neither text nor image embeddings.
    const small = shapeImage("circle", [220, 40, 40], 32);
    const upscaled = new Upscale(manager).run([small], { condScale: 2, negativeText: "a blue square" });
    await expect(upscaled).rejects.toThrow("negativeText would change nothing");
    const two = { ...few, negativeText: ["a", "b"], decoderCondScale: 2 };
    await expect(inferred("a red circle", two)).rejects.toThrow("negativeText has 2 values for 1 input.");
  });
});

describe("TextGuidedEdit", () => {
  it("starts at the variation of an image, and ends at what the text says", async () => {
    const options = { seed: 4, steps: [10, 4] };
    const script = new TextGuidedEdit(manager);
    const call = { ...options, from: "a red circle", to: "a blue circle", strength: 0.5, frames: 3 };
    const images = (await script.run([redCircle], call)).get(0)!;
    const variation = only(await new ImageVariation(manager).run([redCircle], { ...options, text: "a red circle" }));
    expect(apart(images[0]!, variation)).toBeLessThanOrEqual(1);
    const shows = (color: string): boolean[] =>
      images.map(({ data }) => isRight(judge(`a ${color} circle on a white background`, 64, data)));
    // Red decreases and blue increases.
    expect(shows("red")).toEqual([true, expect.any(Boolean), false]);
    expect(shows("blue")).toEqual([false, expect.any(Boolean), true]);
    expect(images.map(({ parameters }) => parameters.strength)).toEqual([0, 0.25, 0.5]);
  }, 60_000);

  it("rejects invalid calls", async () => {
    const script = new TextGuidedEdit(manager);
    const same = { from: "a red circle", to: "a red circle" };
    await expect(script.run([redCircle], same)).rejects.toThrow("the same embedding for both texts");
    await expect(script.run([redCircle], { ...same, strength: 2 })).rejects.toThrow("strength must be 0 to 1, not 2");
    await expect(script.run([redCircle], { ...same, seeds: [1, 2] })).rejects.toThrow(
      "seeds has 2 values for 1 input.",
    );
  });
});

describe("BasicInpainting", () => {
  const inpaint = async (image: RgbImage, mask: readonly boolean[], options: object): Promise<GeneratedImage> => {
    const call = { ...few, seed: 1, resampleTimes: 1, ...options };
    return only(await new BasicInpainting(manager).run([image], [mask], "a blue square", call));
  };

  it("keeps each byte that the mask keeps, and generates the rest", async () => {
    const noise = makeImage(
      64,
      64,
      3,
      Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 7919) % 256),
    );
    const mask = Array.from({ length: 64 * 64 }, (_, pixel) => pixel % 64 < 40);
    const image = await inpaint(noise, mask, {});
    const changed = image.data.reduce(
      (counts, value, i) => {
        counts[mask[Math.floor(i / 3)] ? 0 : 1]! += Number(value !== noise.data[i]);
        return counts;
      },
      [0, 0],
    );
    expect(changed[0]).toBe(0);
    expect(changed[1]).toBeGreaterThan(24 * 64 * 2);
  });

  it("warns of masks that keep everything or nothing", async () => {
    const image = makeImage(64, 64, 3, new Uint8Array(64 * 64 * 3));
    const masks = [true, false].map((keep) => new Array<boolean>(64 * 64).fill(keep));
    const said: string[] = [];
    const script = new BasicInpainting(manager, { onWarning: (message) => said.push(message) });
    const aborted = { ...few, signal: AbortSignal.abort() };
    await expect(script.run([image, image], masks, ["a ring", "a dot"], aborted)).rejects.toThrow();
    expect(said).toEqual([
      "Mask 1 keeps every pixel, so the image does not change.",
      "Mask 2 keeps no pixel, so the whole image is generated.",
    ]);
  });

  it("keeps the nearest pixels of an image of another size", async () => {
    const side = 96;
    const noise = makeImage(
      side,
      side,
      3,
      Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * 7919) % 256),
    );
    const image = await inpaint(noise, new Array<boolean>(side * side).fill(true), {});
    const expected = Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => {
      const [y, x] = [Math.floor(i / 3 / 64), Math.floor(i / 3) % 64];
      return noise.data[(Math.floor(y * 1.5) * side + Math.floor(x * 1.5)) * 3 + (i % 3)]!;
    });
    expect(image.data).toEqual(expected);
  });

  it("rejects images that are not square", async () => {
    const oblong = makeImage(40, 50, 3, new Uint8Array(6000));
    await expect(inpaint(oblong, new Array<boolean>(2000).fill(true), {})).rejects.toThrow("40 × 50 pixels");
    await expect(inpaint(redCircle, [true], {})).rejects.toThrow(
      "inpaintImageMasks[0] has 1 pixels, but its image has 64 × 64",
    );
  });
});

describe("progress", () => {
  it("reports each step in order, with the time left", async () => {
    const seen: ScriptProgress[] = [];
    const onProgress = (progress: ScriptProgress): void => void seen.push(progress);
    await new BasicInference(manager).run(["a red circle", "a blue square"], {
      ...few,
      seed: 1,
      decoderBatchSize: 1,
      onProgress,
    });
    const places = seen.map(({ phase, unetNumber = 0, batch, step }) => [
      Number(phase === "decoder"),
      batch,
      unetNumber,
      step,
    ]);
    expect(places).toEqual([...places].sort((a, b) => a.map((x, i) => x - b[i]!).find((x) => x !== 0) ?? 0));
    // 2 of the prior; 3 + 2 of the decoder for each image, whose grids have one more step each.
    expect(seen).toHaveLength(2 + 2 * (3 + 2));
    for (const { step, steps, batch, batches, millisecondsLeft, preview } of seen) {
      expect(step).toBeLessThanOrEqual(steps);
      expect(batch).toBeLessThanOrEqual(batches);
      expect(millisecondsLeft).toBeGreaterThanOrEqual(0);
      expect(preview).toBeUndefined();
    }
    expect(seen.filter(({ millisecondsLeft }) => millisecondsLeft === 0)).toEqual([seen.at(-1)]);
  });

  it("has previews that approach the final image", async () => {
    const previews: { readonly place: string; readonly images: readonly RgbImage[] }[] = [];
    const gpu = await sharedGpu();
    const { live } = gpu.memory();
    const options = { text: "a red circle", steps: [9, 6], seed: 2 };
    const watched = only(
      await new ImageVariation(manager).run([redCircle], {
        ...options,
        previewEvery: 3,
        onProgress: ({ unetNumber, step, preview }) => {
          if (preview) previews.push({ place: `${unetNumber}.${step}`, images: preview });
        },
      }),
    );
    expect(gpu.memory().live).toBe(live);
    expect(previews.map(({ place }) => place)).toEqual(["1.3", "1.6", "1.9", "2.3", "2.6"]);
    const images = previews.map(({ images: [image] }) => image!);
    expect(images.map(({ width }) => width)).toEqual([32, 32, 32, 64, 64]);
    const [early, later] = images.map((image) => meanApart(image, images[2]!)) as [number, number];
    expect(later).toBeLessThan(early);
    const [before, last] = images.slice(3).map((image) => meanApart(image, watched)) as [number, number];
    expect(last).toBeLessThan(before);
    // The grid of the decoder ends with a little noise: the last predicted x0 differs from the image by a level or two.
    expect(last).toBeLessThan(2);
    expect(only(await new ImageVariation(manager).run([redCircle], options))).toEqual(watched);
  }, 60_000);

  it("says which images of the call the previews are", async () => {
    const seen = new Set<number>();
    const small = shapeImage("circle", [0, 0, 0], 32);
    await new Upscale(manager).run([small, small, small], {
      steps: 2,
      batchSize: 2,
      previewEvery: 1,
      onProgress: ({ preview, previewIndex }) => {
        for (const i of (preview ?? []).keys()) seen.add(previewIndex! + i);
      },
    });
    expect([...seen]).toEqual([0, 1, 2]);
  });

  it("needs whole numbers of steps", async () => {
    const run = new Upscale(manager).run([shapeImage("circle", [0, 0, 0], 32)], { previewEvery: 0.5 });
    await expect(run).rejects.toThrow("previewEvery must be a whole number of at least 1, not 0.5");
  });
});

describe("a signal aborts within one step", () => {
  const calls: Record<string, (options: Pick<CallOptions, "signal" | "onProgress">) => Promise<unknown>> = {
    TextGuidedEdit: (options) =>
      new TextGuidedEdit(manager).run([redCircle], { ...options, from: "a red circle", to: "a blue circle" }),
    Upscale: (options) => new Upscale(manager).run([shapeImage("circle", [0, 0, 0], 32)], options),
    Interpolate: (options) => new Interpolate(manager).run("a red circle", "a blue square", options),
  };

  it.each(Object.keys(calls))("%s", async (name) => {
    const { live } = (await sharedGpu()).memory();
    const controller = new AbortController();
    let steps = 0;
    const onProgress = (): void => {
      if (++steps === 2) controller.abort(new Error("enough"));
    };
    await expect(calls[name]!({ signal: controller.signal, onProgress })).rejects.toThrow("enough");
    expect(steps).toBe(2);
    expect((await sharedGpu()).memory().live).toBe(live);
  });
});

it("forks a generator", () => {
  const generator = new Generator(3);
  generator.randn(5);
  const copy = generator.fork();
  const expected = [...generator.randn(7), ...generator.randn(40)];
  expect([...copy.randn(7), ...copy.randn(40)]).toEqual(expected);
  expect(copy.seed).toBe(3);
});
