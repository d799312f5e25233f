import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { encodeImage } from "../../src/image/encode.js";
import { makeImage } from "../../src/image/image.js";
import { parseSize } from "../../src/cli/generating/canvas-options.js";
import { dalle2, generated, readImage } from "../support/cli.js";
import { kandinskyConfig } from "../support/kandinsky.js";

let folder: string;
let photo: string;
let mask: string;

async function write(name: string, byteOf: (pixel: number, channel: number) => number): Promise<string> {
  const [width, height] = [60, 30];
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => byteOf(Math.floor(i / 3), i % 3));
  const file = join(folder, name);
  writeFileSync(file, await encodeImage(makeImage(width, height, 3, data), { format: "png", text: {} }));
  return file;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sizes-"));
  photo = await write("a_hill.png", (pixel, channel) => ((pixel % 60) * 4 + channel * 30) % 256);
  mask = await write("mask.png", (pixel) => (pixel % 60 < 30 ? 255 : 0));
  for (const model of ["text-to-image", "controlnet", "inpaint"]) {
    writeFileSync(join(folder, `${model}.json`), JSON.stringify(kandinskyConfig(`kandinsky-${model}`)));
  }
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** The flags that name a model. */
const modelFlags = (model: string) => ["--model-config", join(folder, `${model}.json`), "--dtype", "f32"];
const few = ["--steps", "2", "--seed", "5"];
const fewPrior = [...few, "--prior-steps", "2"];

function run(args: readonly string[], model = "text-to-image"): readonly string[] {
  return generated([...args, ...modelFlags(model), "--output-path", join(folder, "out")]).map(({ file }) => file);
}

async function sizes(files: readonly string[]): Promise<readonly string[]> {
  const images = await Promise.all(files.map((file) => readImage(file)));
  return images.map(({ width, height }) => `${width} × ${height}`);
}

describe("--size", () => {
  it("is the size of images of dream, which --from repeats", async () => {
    const files = run(["dream", "a cat", "--size", "30x17", "--samples", "2", ...fewPrior, "--grid"]);
    expect(await sizes(files)).toEqual(["32 × 20", "32 × 20"]);
    const again = run(["dream", "--from", files[1]!]);
    expect(await sizes(again)).toEqual(["32 × 20"]);
    expect((await readImage(again[0]!)).data).toEqual((await readImage(files[1]!)).data);
    const other = run(["dream", "--from", files[1]!, "--size", "24"]);
    expect(await sizes(other)).toEqual(["24 × 24"]);
  });

  it("is an option of variation, interpolate and edit", async () => {
    const size = ["--size", "24x12"];
    const files = [
      ...run(["variation", photo, ...size, ...few]),
      ...run(["interpolate", "a cat", photo, "--frames", "2", ...size, ...fewPrior]),
      ...run(["edit", photo, "--from", "a cat", "--to", "a dog", ...size, ...few]),
    ];
    expect(await sizes(files)).toEqual(new Array(4).fill("24 × 12"));
  });

  it("is refused before anything is generated", () => {
    const { stderr, status } = dalle2(["dream", "a cat", "--size", "64", "--output-path", join(folder, "none")]);
    expect(status).toBe(2);
    expect(stderr).toMatch(/pixels only: leave --size out/);
    expect(dalle2(["dream", "a cat", "--size", "64x"]).stderr).toMatch(/not a size such as 768x512/);
  });

  it("is read in two ways", () => {
    expect(parseSize("768")).toBe(768);
    expect(parseSize("768x512")).toEqual({ width: 768, height: 512 });
    for (const wrong of ["", "x", "768x", "0x8", "4097", "7.5"]) expect(() => parseSize(wrong)).toThrow(/not a size/);
  });
});

describe("images that are not square", () => {
  it("keep their proportions in dream and inpaint", async () => {
    const started = run(["dream", "a cat", "--init-image", photo, "--strength", "0.5", ...fewPrior]);
    expect(await sizes(started)).toEqual(["24 × 12"]);
    const masked = ["inpaint", photo, "--mask", mask, "--text", "a hill", ...fewPrior];
    expect(await sizes(run(masked, "inpaint"))).toEqual(["24 × 12"]);
    const [large] = run([...masked, "--size", "60x32"], "inpaint");
    expect(await sizes([large!])).toEqual(["60 × 32"]);
  });
});

describe("--hint", () => {
  it("is named in the record, and needed to repeat the image", async () => {
    const [file] = run(["dream", "a cat", "--hint", photo, ...fewPrior], "controlnet");
    expect(await sizes([file!])).toEqual(["24 × 12"]);
    const record = JSON.parse(dalle2(["show", file!, "--json"]).stdout) as unknown;
    expect(record).toMatchObject([{ record: { inputs: { hint: "a_hill.png" } } }]);
    expect(dalle2(["dream", "--from", file!]).stderr).toMatch(/also generated from a_hill\.png \(--hint\)/);
    const [again] = run(["dream", "--from", file!, "--hint", photo], "controlnet");
    expect((await readImage(again!)).data).toEqual((await readImage(file!)).data);
  });

  it("is missed, or refused, before anything is generated", () => {
    const missed = dalle2(["dream", "a cat", ...modelFlags("controlnet")]);
    expect(missed.stderr).toMatch(/needs a hint/);
    const refused = dalle2(["dream", "a cat", "--hint", photo, ...modelFlags("text-to-image")]);
    expect(refused.stderr).toMatch(/takes no hint/);
  });
});
