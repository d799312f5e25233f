import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeImage } from "../../src/image/encode.js";
import { makeImage } from "../../src/image/image.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { dalle2, generated, readImage } from "../support/cli.js";
import { sharedGpu } from "../support/gpu.js";
import { folderConfig, writeWholeKarlo } from "../support/karlo.js";

let folder: string;
let photo: string;

beforeAll(async () => {
  folder = await writeWholeKarlo();
  photo = join(folder, "green_hill.png");
  // Larger than what CLIP takes, and not square.
  const pixels = Uint8Array.from({ length: 44 * 60 * 3 }, (_, i) => (i * 11) % 256);
  await writeFile(photo, await encodeImage(makeImage(60, 44, 3, pixels), { format: "png", text: {} }));
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** Runs a command with the whole Karlo, and returns the image files. */
function run(args: readonly string[], output: string): readonly string[] {
  const model = ["--model-config", folder, "--dtype", "f32"];
  return generated([...args, ...model, "--output-path", join(folder, output)]).map(({ file }) => file);
}

describe("a folder of Karlo on the command line", () => {
  it("generates images of prompts, whose records repeat them byte for byte", () => {
    const settings = [
      "--steps",
      "3,2",
      "--prior-steps",
      "2",
      "--negative-prompt",
      "a dog",
      "--sampler",
      "dpmpp2m,ddpm",
    ];
    const files = run(["dream", "a cat", "--seed", "5", "--samples", "2", ...settings], "first");
    expect(files).toHaveLength(2);
    const [again] = run(["dream", "--from", files[1]!], "again");
    expect(readFileSync(again!)).toEqual(readFileSync(files[1]!));
    const { stdout } = dalle2(["show", again!, "--json"]);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        record: {
          seed: 6,
          parameters: {
            priorCondScale: 4,
            priorNumSamplesPerBatch: 1,
            decoderCondScale: [8, 1],
            decoderSteps: [3, 2],
            decoderSampler: ["dpmpp2m", "ddpm"],
            negativeText: "a dog",
          },
        },
      },
    ]);
  });

  it("generates variations without a text, of images in their own proportions", async () => {
    const [file] = run(["variation", photo, "--steps", "2,2", "--seed", "5"], "variation");
    using manager = await DalleModelManager.create(folderConfig(folder), { gpu: await sharedGpu(), dtype: "f32" });
    const options = { steps: [2, 2], seeds: [5] };
    const [expected] = (await new ImageVariation(manager).run([await readImage(photo)], options)).get(0)!;
    expect([...(await readImage(file!)).data]).toEqual([...expected!.data]);
    const [described] = run(["variation", photo, "--steps", "2,2", "--seed", "5", "--text", "a cat"], "described");
    expect([...(await readImage(described!)).data]).not.toEqual([...expected!.data]);
  });

  it("interpolates between a prompt and an image", () => {
    const settings = ["--frames", "2", "--steps", "2,2", "--prior-steps", "2", "--seed", "5"];
    expect(run(["interpolate", "a cat", photo, ...settings], "series")).toHaveLength(2);
  });
});
