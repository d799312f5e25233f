import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Generator } from "../../src/diffusion/generator.js";
import { makeImage } from "../../src/image/image.js";
import type { Embedding } from "../../src/pipeline/embedding.js";
import { InferenceScript } from "../../src/pipeline/inference-script.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import type { EmbeddingPair } from "../../src/pipeline/embedding.js";
import type { SamplePriorOptions } from "../../src/pipeline/script-options.js";
import { Embed } from "../../src/pipeline/scripts/embed.js";
import { ArgumentError } from "../../src/platform/arguments.js";
import { fixtureFolder } from "../support/golden.js";
import { difference as differenceOf, sharedGpu } from "../support/gpu.js";
import { writeCombinedPrior } from "../support/kandinsky.js";
import { folderConfig } from "../support/karlo.js";

const texts = ["a red square", "a blue circle"];
const negativeText = ["low quality", "blurry; text"];
const few = { steps: 3, condScale: 3 };

/** Makes protected methods public. */
class Pairs extends InferenceScript {
  async of(some: readonly string[], options: SamplePriorOptions): Promise<readonly EmbeddingPair[]> {
    return [...(await this.samplePriorPairs(some, { ...few, ...options })).values()].flat();
  }

  nullImage(): Promise<Embedding | undefined> {
    return this.embedNullImage();
  }
}

async function open(folder: string): Promise<DalleModelManager> {
  return DalleModelManager.create(folderConfig(folder), { gpu: await sharedGpu(), dtype: "f32" });
}

let manager: DalleModelManager;
let pairs: Pairs;
let embed: Embed;

beforeAll(async () => {
  manager = await open(join(fixtureFolder("kandinsky-prior"), "model"));
  pairs = new Pairs(manager);
  embed = new Embed(manager);
});

afterAll(() => {
  manager.dispose();
});

const difference = (a: ArrayLike<number>, b: ArrayLike<number>): number => differenceOf(a, b).maxRelative;
const valuesOf = (some: readonly EmbeddingPair[]) =>
  some.flatMap(({ embedding, negative }) => [...embedding.data, ...(negative?.data ?? [])]);

describe("embeddings of negative prompts", () => {
  it("come from the run of the texts, which they change through its draws", async () => {
    const [first] = await pairs.of(texts, { seed: 3, negativeText });
    expect(first!.negative!.data).toHaveLength(16);
    // A text and its negative prompt that are equal differ by their noise alone.
    const [equal] = await pairs.of(["x"], { seed: 3, negativeText: "x", condScale: 1 });
    expect(equal!.negative!.data).not.toEqual(equal!.embedding.data);
    const [alone] = await pairs.of(texts, { seed: 3 });
    expect(alone!.negative).toBeUndefined();
  });

  it("do not depend on guidance", async () => {
    const [guided, not] = [
      await pairs.of(texts, { seed: 3, negativeText }),
      await pairs.of(texts, { seed: 3, negativeText, condScale: 1 }),
    ];
    guided.forEach(({ negative, embedding }, i) => {
      expect(difference(negative!.data, not[i]!.negative!.data)).toBeLessThan(1e-5);
      expect(difference(embedding.data, not[i]!.embedding.data)).toBeGreaterThan(1e-2);
    });
  });

  it("with a seed for each are those of batches of one", async () => {
    const together = await pairs.of(texts, { seeds: [5, 6], negativeText });
    const alone = [
      ...(await pairs.of([texts[0]!], { seed: 5, negativeText: negativeText[0] })),
      ...(await pairs.of([texts[1]!], { seed: 6, negativeText: negativeText[1] })),
    ];
    expect(difference(valuesOf(together), valuesOf(alone))).toBeLessThan(1e-5);
  });

  it("are those that Embed.prior guides away from", async () => {
    const sampled = await embed.prior(texts, { ...few, seed: 3, negativeText });
    const expected = await pairs.of(texts, { seed: 3, negativeText });
    expect([...sampled.values()].flat().map(({ data }) => data)).toEqual(
      expected.map(({ embedding }) => embedding.data),
    );
  });
});

describe("a start from image embeddings", () => {
  const initEmbed = [0, 1].map((row) => ({
    shape: [16],
    data: Float32Array.from({ length: 16 }, (_, i) => Math.sin(i + row)),
  }));

  it("is one for each text or for each embedding", async () => {
    const each = await pairs.of(texts, { seed: 1, sampleCount: 2, initEmbed, strength: 0.7 });
    const listed = [initEmbed[0]!, initEmbed[0]!, initEmbed[1]!, initEmbed[1]!];
    expect(valuesOf(await pairs.of(texts, { seed: 1, sampleCount: 2, initEmbed: listed, strength: 0.7 }))).toEqual(
      valuesOf(each),
    );
  });

  it("of negative prompts is that of their texts, unless it is given", async () => {
    const call = { seeds: [1, 2], negativeText, strength: 0.7 };
    const tiled = await pairs.of(texts, { ...call, initEmbed });
    const swapped = [...initEmbed, ...initEmbed.toReversed()];
    const given = await pairs.of(texts, { ...call, initEmbed: swapped });
    expect(valuesOf(await pairs.of(texts, { ...call, initEmbed: [...initEmbed, ...initEmbed] }))).toEqual(
      valuesOf(tiled),
    );
    given.forEach(({ embedding, negative }, i) => {
      expect(embedding.data).toEqual(tiled[i]!.embedding.data);
      expect(difference(negative!.data, tiled[i]!.negative!.data)).toBeGreaterThan(1e-3);
    });
  });

  it("in parts of a batch is the same", async () => {
    const call = { negativeText, initEmbed, strength: 0.7, sampleCount: 2, seeds: [1, 2, 3, 4] };
    expect(
      difference(valuesOf(await pairs.of(texts, { ...call, batchSize: 3 })), valuesOf(await pairs.of(texts, call))),
    ).toBeLessThan(1e-5);
  });

  it.each<[what: string, options: SamplePriorOptions, code: string, argument: string]>([
    ["another number of embeddings", { initEmbed: [initEmbed[0]!, ...initEmbed] }, "argument/mismatch", "initEmbed"],
    [
      "another width",
      { initEmbed: texts.map(() => ({ shape: [8], data: new Float32Array(8) })) },
      "argument/mismatch",
      "initEmbed",
    ],
    ["a strength that leaves no step", { initEmbed, strength: 0.3 }, "argument/invalid", "strength"],
    ["a strength of more than 1", { initEmbed, strength: 2 }, "argument/invalid", "strength"],
    ["a strength alone", { strength: 0.5 }, "argument/missing", "strength"],
  ])("is refused with %s", async (_, options, code, argument) => {
    const sampled = pairs.of(texts, options);
    await expect(sampled).rejects.toBeInstanceOf(ArgumentError);
    await expect(sampled).rejects.toMatchObject({ code, place: { argument } });
  });
});

describe("a mixture", () => {
  const photo = makeImage(
    30,
    40,
    3,
    Uint8Array.from({ length: 3600 }, (_, i) => (i * 7) % 256),
  );

  it("is the sum of embeddings by weight, whose texts continue one generator", async () => {
    const generator = new Generator(9);
    const [first] = await pairs.of(["a cat"], { generator });
    const [second] = await pairs.of(["a dog"], { generator });
    const [image] = await embed.images([photo]);
    const parts = ["a cat", photo, "a dog", image!];
    const weights = [0.5, 0.25, -1, 2];
    const [mixed] = await embed.mix(parts, weights, { ...few, seed: 9 });
    const sum = first!.embedding.data.map(
      (value, i) => 0.5 * value - second!.embedding.data[i]! + 2.25 * image!.data[i]!,
    );
    expect(difference(mixed!.embedding.data, sum)).toBeLessThan(1e-5);
    expect(mixed!.negative).toEqual(await pairs.nullImage());
  });

  it("with a negative prompt is guided away from its embedding", async () => {
    const options = { ...few, seeds: [4, 5], sampleCount: 2 };
    const [one, other] = await embed.mix([photo], [1], { ...options, negativeText: "low quality" });
    const sampled = await pairs.of(["low quality"], options);
    expect([one, other].map((pair) => pair!.negative!.data)).toEqual(sampled.map(({ embedding }) => embedding.data));
    expect(one!.embedding).toEqual(other!.embedding);
  });

  it("needs a finite weight for each part", async () => {
    await expect(embed.mix(["a", "b"], [1])).rejects.toMatchObject({ place: { argument: "weights" } });
    await expect(embed.mix(["a"], [NaN])).rejects.toThrow(/weights/);
    await expect(embed.mix([], [])).rejects.toThrow(/parts/);
  });
});

it("runs from the folder of a saved pipeline of prior and decoder", async () => {
  const folder = await writeCombinedPrior();
  try {
    using combined = await open(folder);
    const sampled = await new Pairs(combined).of(texts, { seed: 3, negativeText });
    expect(valuesOf(sampled)).toEqual(valuesOf(await pairs.of(texts, { seed: 3, negativeText })));
  } finally {
    await rm(folder, { recursive: true });
  }
});
