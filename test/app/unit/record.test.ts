import { readFile } from "node:fs/promises";
import { readImageRecord, type ImageRecord } from "dalle2-webgpu";
import { describe, expect, it } from "vitest";
import { missingOfRecord, modelOfRecord, parametersOfRecord } from "../../../web/src/jobs/record.js";

/** The record of a PNG that the `dalle2` command wrote. */
async function recordIn(name: string): Promise<ImageRecord> {
  const { record } = await readImageRecord(await readFile(`test/app/records/${name}.png`), name);
  return record!;
}

const few = {
  count: 1,
  seed: 5,
  prior: {},
  unets: [
    { steps: 2, condScale: 2 },
    { steps: 1, condScale: 1 },
  ],
};
const prior = { steps: 2, condScale: 1, candidates: 2 };

describe("the record of an image of the command", () => {
  it.each([
    [
      "dream",
      {
        task: "create",
        prompts: ["a blue square"],
        negative: "a green ring",
        count: 1,
        seed: 42,
        prior: { steps: 3, condScale: 2, candidates: 2 },
        unets: [
          { steps: 4, condScale: 3 },
          { steps: 2, condScale: 1 },
        ],
        sampler: "ddim",
      },
      [],
    ],
    [
      "variation",
      { ...few, task: "variations", prompts: ["a red circle"], seed: 6, sampler: "dpmpp2m" },
      ["Its file does not hold the image “a-red-circle-41.png”."],
    ],
    [
      "inpaint",
      { ...few, task: "inpaint", prompts: ["a blue square"], prior, resampleTimes: 2 },
      ["Its file does not hold the image “a-red-circle-41.png”.", "Its file does not hold the mask “mask.png”."],
    ],
    [
      "upscale",
      { ...few, task: "upscale", prompts: [], startAtUnetNumber: 2 },
      ["Its file does not hold the image “a-red-circle-41.png”."],
    ],
    ["interpolate", { ...few, task: "interpolate", prompts: ["a red circle", "a blue square"], prior, frames: 3 }, []],
    [
      "interpolate-images",
      {
        ...few,
        task: "interpolate",
        prompts: ["a red circle", "a blue square"],
        frames: 3,
        isBetweenImages: true,
      },
      [
        "Its file does not hold the first image “a-red-circle-41.png”.",
        "Its file does not hold the second image “a-blue-square-42.png”.",
      ],
    ],
    [
      "edit",
      { ...few, task: "edit", prompts: ["a red circle", "a blue circle"], frames: 1, strength: 0.5 },
      ["Its file does not hold the image “a-red-circle-41.png”."],
    ],
  ])("restores what %s was given, and says what is missing", async (name, parameters, missing) => {
    const record = await recordIn(name);
    expect(parametersOfRecord(record)).toEqual(parameters);
    expect(missingOfRecord(record)).toEqual(missing);
    expect(modelOfRecord(record)).toBe("shapes");
  });

  it("may name what the form has no field for", async () => {
    const record = await recordIn("dream");
    const more = { priorSeed: 7, tokenization: "dalle2-laion", decoderSampler: ["ddim", "ddpm"] };
    const other = { ...record, parameters: { ...record.parameters, ...more }, model: { config: "karlo", files: [] } };
    expect(parametersOfRecord(other)?.sampler).toBeUndefined();
    expect(missingOfRecord(other)).toHaveLength(3);
    expect(modelOfRecord(other)).toBe("karlo");
  });

  it("restores size and noise, and says that it does not hold the hint", async () => {
    const record = await recordIn("dream");
    const more = { size: { width: 768, height: 512 }, decoderNoiseLevel: 20 };
    const other = { ...record, parameters: { ...record.parameters, ...more }, inputs: { hint: "depth.png" } };
    expect(parametersOfRecord(other)).toMatchObject({ size: more.size, noiseLevel: 20 });
    expect(missingOfRecord(other)).toEqual(["Its file does not hold the hint image “depth.png”."]);
    const square = { ...record, parameters: { script: "ImageVariation", size: 640, noiseLevel: 3 } };
    expect(parametersOfRecord(square)).toMatchObject({ size: { width: 640, height: 640 }, noiseLevel: 3 });
    const damaged = { ...record, parameters: { script: "ImageVariation", size: { width: "x" }, noiseLevel: "y" } };
    expect(parametersOfRecord(damaged)).not.toHaveProperty("size");
    expect(parametersOfRecord(damaged)).not.toHaveProperty("noiseLevel");
  });

  it("may hold anything: values of other types are left out", async () => {
    const record = await recordIn("dream");
    const script = { script: "BasicInference", decoderSteps: ["many", null, 3], decoderSampler: "best", text: 5 };
    expect(parametersOfRecord({ ...record, parameters: script })).toEqual({
      task: "create",
      prompts: [],
      count: 1,
      seed: 42,
      prior: {},
      unets: [{}, {}, { steps: 3 }],
    });
    expect(parametersOfRecord({ ...record, parameters: { script: "toString" } })).toBeUndefined();
  });
});
