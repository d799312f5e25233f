import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ImageReport } from "../../src/cli/generating/image-output.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { encodeImage } from "../../src/image/encode.js";
import { makeImage, type RgbImage } from "../../src/image/image.js";
import { resizeLanczos } from "../../src/image/pillow-resize.js";
import { readRecord } from "../../src/pipeline/records/image-record.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { BasicInpainting } from "../../src/pipeline/scripts/basic-inpainting.js";
import { ImageVariation } from "../../src/pipeline/scripts/image-variation.js";
import { Interpolate } from "../../src/pipeline/scripts/interpolate.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { TextGuidedEdit } from "../../src/pipeline/scripts/text-guided-edit.js";
import { Upscale } from "../../src/pipeline/scripts/upscale.js";
import { generated, interrupted, readImage } from "../support/cli.js";
import { sharedGpu } from "../support/gpu.js";

/** Compares each generating command, with flags and with piped answers, to the library in this process. */

const SIDE = 64;
const folder = mkdtempSync(join(tmpdir(), "dalle2-images-"));
const stepFlags = ["--steps", "2"];
const priorStepFlags = ["--prior-steps", "2"];
const steps = 2;
const both = { priorSteps: 2, decoderSteps: 2 };
let manager: DalleModelManager;

beforeAll(async () => {
  const config = await ModelLoadConfig.fromJsonPath("configs/shapes.json");
  manager = await DalleModelManager.create(config, { gpu: await sharedGpu() });
});

afterAll(() => {
  manager.dispose();
  rmSync(folder, { recursive: true });
});

/** A disc of one colour on white. */
function disc(colour: readonly number[], width = SIDE, height = SIDE): RgbImage {
  const pixels = Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [(i % width) - width / 2, Math.floor(i / width) - height / 2];
    return Math.hypot(x, y) < height / 4 ? colour : [255, 255, 255];
  });
  return makeImage(width, height, 3, Uint8Array.from(pixels.flat()));
}

const red = disc([220, 30, 30]);
/** Larger than CLIP's input. */
const blue = disc([30, 60, 220], 2 * SIDE, 2 * SIDE);
/** Keeps the left half. */
const leftMask = makeImage(
  SIDE,
  SIDE,
  3,
  Uint8Array.from({ length: SIDE * SIDE * 3 }, (_, i) => (Math.floor(i / 3) % SIDE < SIDE / 2 ? 255 : 0)),
);
const kept = Array.from({ length: SIDE * SIDE }, (_, i) => i % SIDE < SIDE / 2);

/** Writes a lossless image and returns its path. */
async function save(name: string, image: RgbImage): Promise<string> {
  const file = join(folder, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, await encodeImage(image));
  return file;
}

/** Runs a command and returns its reports. Fails unless its files have the pixels of `expected`. */
async function expectGenerated(
  args: readonly string[],
  expected: Iterable<readonly RgbImage[]>,
  input = "",
): Promise<ImageReport[]> {
  const reports = generated([...args, "--seed", "5", "--output-path", join(folder, "out")], input);
  const images = [...expected].flat();
  expect(reports.map(({ seed }) => seed)).toEqual(images.map((_, i) => 5 + i));
  for (const [i, { file, width, height }] of reports.entries()) {
    const { data } = images[i]!;
    expect({ ...(await readImage(file)) }).toEqual({ width, height, channels: 3, data });
  }
  return reports;
}

/** As `expectGenerated`, for images of one seed. */
async function expectSeries(args: readonly string[], images: readonly RgbImage[], input = ""): Promise<ImageReport[]> {
  const reports = generated([...args, "--seed", "5", "--output-path", join(folder, "out")], input);
  expect(reports.map(({ seed }) => seed)).toEqual(images.map(() => 5));
  for (const [i, { file }] of reports.entries()) expect((await readImage(file)).data).toEqual(images[i]!.data);
  return reports;
}

describe("dream", () => {
  it("generates the images of BasicInference", async () => {
    const prompts = ["a red circle", "a blue square"];
    const images = await new BasicInference(manager).run(prompts, { ...both, seeds: [5, 6], negativeText: "a ring" });
    const expected = [...images.values()].flatMap((byEmbedding) => [...byEmbedding.values()]);
    const dream = ["dream", ...stepFlags, ...priorStepFlags, "--negative-prompt", "a ring"];
    const reports = await expectGenerated([...dream, "--prompt", ...prompts, "--grid"], expected);
    expect(reports.map(({ prompt }) => prompt)).toEqual(prompts);
    const sheet = join(folder, "out", "grid-5.png");
    expect(reports.map(({ grid }) => grid)).toEqual([sheet, sheet]);
    // Side by side, each four times as large, with margins of 12 pixels and room for labels below.
    expect(await readImage(sheet)).toMatchObject({ width: 2 * 4 * SIDE + 3 * 12 });
    expect((await readRecord(sheet)).record).toMatchObject({
      seed: 5,
      parameters: { script: "ContactSheet", columns: 2 },
      inputs: { "image 1": "a-red-circle-5.png", "image 2": "a-blue-square-6.png" },
    });
    await expectGenerated(dream, expected, `${prompts.join("\n")}\n\n\n`);
  });

  it("generates several images per embedding, with candidates and dalle2-laion's tokenization", async () => {
    const script = new BasicInference(manager, { tokenization: "dalle2-laion" });
    const counts = { priorSampleCount: 2, decoderSampleCount: 2, priorNumSamplesPerBatch: 3 };
    const images = await script.run("a red circle", { ...both, ...counts, seeds: [5, 6, 7, 8] });
    const flags = ["--prior-samples", "2", "--decoder-samples", "2", "--candidates", "3"];
    const dream = ["dream", "a red circle", ...stepFlags, ...priorStepFlags, "--tokenization", "dalle2-laion"];
    const reports = await expectGenerated([...dream, ...flags], images.get(0)!.values());
    const { record } = await readRecord(reports[3]!.file);
    expect(record!.parameters).toMatchObject({
      priorSeed: 7,
      priorNumSamplesPerBatch: 3,
      tokenization: "dalle2-laion",
    });
    const [again] = generated(["dream", "--from", reports[3]!.file, "--output-path", join(folder, "again")]);
    expect(again!.seed).toBe(8);
    const [first, second] = [await readImage(reports[3]!.file), await readImage(again!.file)];
    expect(Math.max(...first.data.map((value, i) => Math.abs(value - second.data[i]!)))).toBeLessThanOrEqual(1);
  });
});

describe("variation", () => {
  let expected: Map<number, RgbImage[]>;

  beforeAll(async () => {
    const text = ["Red circle", "Blue circle"];
    expected = await new ImageVariation(manager).run([red, blue], { text, steps, seeds: [5, 6] });
  });

  it("generates the images of ImageVariation from files with the same name and texts", async () => {
    const files = ["--image", await save("1/disc.png", red), await save("2/disc.png", blue)];
    const texts = ["--text", "Red circle", "--text", "Blue circle"];
    const reports = await expectGenerated(["variation", ...stepFlags, ...files, ...texts], expected.values());
    expect(reports.map(({ image, prompt }) => [image, prompt])).toEqual([
      ["disc.png", "Red circle"],
      ["disc.png", "Blue circle"],
    ]);
    expect(new Set(reports.map(({ file }) => file)).size).toBe(2);
  });

  it("generates the same from answers with a folder and default texts", async () => {
    const files = [await save("red_circle.png", red), await save("folder/blueCircle.png", blue)];
    const answers = [files[0], "", join(folder, "folder"), "Blue circle", "", ""].join("\n");
    const reports = await expectGenerated(["variation", ...stepFlags], expected.values(), answers);
    expect(reports.map(({ prompt }) => prompt)).toEqual(["Red circle", "Blue circle"]);
  });
});

describe("inpaint", () => {
  const options = { ...both, seeds: [5], resampleTimes: 1 };
  const flags = ["inpaint", ...stepFlags, ...priorStepFlags, "--resample-times", "1"];

  it("generates the images of BasicInpainting where the mask is not white or, with --invert-mask, where it is", async () => {
    const [image, mask] = [await save("room_red.png", red), await save("mask.png", leftMask)];
    const script = new BasicInpainting(manager);
    const expected = await script.run([red], [kept], "a blue square", options);
    const given = [image, "--mask", mask, "--text", "a blue square"];
    const reports = await expectGenerated([...flags, ...given], expected.values());
    expect(reports[0]).toMatchObject({ image: "room_red.png", mask: "mask.png", prompt: "a blue square" });
    const opposite = await script.run([red], [kept.map((keep) => !keep)], "Room red", options);
    await expectGenerated([...flags, "--invert-mask"], opposite.values(), `${image}\n${mask}\n\n\n\n`);
  });
});

describe("upscale", () => {
  it("generates the images of Upscale from squares of the first U-Net's size", async () => {
    const small = disc([220, 30, 30], 32, 32);
    const expected = await new Upscale(manager).run([small], { steps, seeds: [5] });
    const file = await save("small.png", small);
    const [report] = await expectGenerated(["upscale", ...stepFlags, file], expected.values());
    expect(report).toMatchObject({ image: "small.png", width: SIDE, height: SIDE });
    // The white left and right of the disc is cropped; the rest is larger than the first U-Net's images.
    const wide = await save("wide.png", disc([220, 30, 30], 2 * SIDE, SIDE));
    const resized = await new Upscale(manager).run([resizeLanczos(red, 32, 32)], { steps, seeds: [5] });
    await expectGenerated(["upscale", ...stepFlags], resized.values(), `${wide}\n\n\n`);
  });
});

describe("interpolate", () => {
  const frames = 3;
  const flags = ["interpolate", ...stepFlags, ...priorStepFlags, "--frames", "3"];

  it("generates the images of Interpolate between prompts", async () => {
    const expected = await new Interpolate(manager).run("a red circle", "a blue square", { ...both, frames, seed: 5 });
    const reports = await expectSeries([...flags, "a red circle", "--end", "a blue square"], expected);
    expect(reports.map(({ frame }) => frame)).toEqual([1, 2, 3]);
    expect(reports[0]!.file.endsWith("a-red-circle-to-a-blue-square-5-1.png")).toBe(true);
  });

  it("generates the images of Interpolate between images, with default texts", async () => {
    const text = ["Red circle", "a blue disc"] as const;
    const expected = await new Interpolate(manager).run(red, blue, { ...both, frames, seed: 5, text });
    const ends = [await save("red_circle.png", red), await save("b.png", blue)];
    await expectSeries([...flags, "--end-text", "a blue disc"], expected, `${ends.join("\n")}\n`);
  });
});

describe("edit", () => {
  const call = { from: "a red circle", to: "a blue circle", strength: 0.3, steps, seeds: [5] };
  const flags = ["edit", ...stepFlags, "--strength", "0.3"];

  it("generates the images of TextGuidedEdit", async () => {
    const file = await save("a_red_circle.png", red);
    const given = [file, "--from", call.from, "--to", call.to];
    const one = await new TextGuidedEdit(manager).run([red], call);
    const [report] = await expectGenerated([...flags, ...given], one.values());
    expect(report).toMatchObject({ image: "a_red_circle.png", from: call.from, to: call.to });
    const two = await new TextGuidedEdit(manager).run([red], { ...call, from: "A red circle", frames: 2 });
    await expectSeries([...flags, "--frames", "2"], two.get(0)!, `${file}\n\n\n${call.to}\n1\n`);
  });
});

describe("an interrupt", () => {
  const image = ["--image", join(folder, "red.png")];
  const samples = ["--samples", "8"];

  beforeAll(async () => {
    await save("red.png", red);
  });

  // Other commands pass the signal to their scripts like one of these: with a prior, without one, or in a loop.
  it.each([
    ["dream", "SIGTERM", 143, ["--prompt", "a red circle", ...samples, ...priorStepFlags]],
    ["upscale", "SIGHUP", 129, [...image, ...samples]],
    ["interpolate", "SIGINT", 130, ["--start", "a ring", "--end", "a cross", "--frames", "8", ...priorStepFlags]],
  ] as const)("ends %s by %s within a step with status %i, and finished images remain", async (...row) => {
    const [command, signal, status, args] = row;
    const out = ["--output-path", join(folder, "interrupted", command), "--json", "--verbose"];
    const run = await interrupted(
      [command, ...args, ...stepFlags, "--decoder-batch-size", "1", ...out],
      /batch 2 of 8/,
      signal,
    );
    expect(run.status, run.stderr).toBe(status);
    const said = signal === "SIGINT" ? "Interrupted." : `Interrupted by ${signal}.`;
    expect(run.stderr.trimEnd().split("\n").at(-1)).toBe(said);
    const reports = JSON.parse(run.stdout) as ImageReport[];
    // One image is finished when the second batch begins; more only if the signal arrives late.
    expect(reports.length).toBeGreaterThanOrEqual(1);
    expect(reports.length).toBeLessThan(5);
    for (const { file } of reports) await expect(readImage(file)).resolves.toMatchObject({ width: SIDE });
    expect(readdirSync(join(folder, "interrupted", command))).toHaveLength(reports.length);
  });
});
