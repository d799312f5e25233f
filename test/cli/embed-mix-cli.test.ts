import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openSource } from "../../src/files/open.js";
import { encodePng } from "../../src/image/png.js";
import { makeImage, type RgbImage } from "../../src/image/image.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { readEmbeddings } from "../../src/pipeline/records/embeddings-file.js";
import { Embed } from "../../src/pipeline/scripts/embed.js";
import { dalle2, generated } from "../support/cli.js";
import { difference, sharedGpu } from "../support/gpu.js";
import { kandinskyConfig } from "../support/kandinsky.js";

const STEPS = 3;
const text = "a red cat";

let folder: string;
let config: string;
let files: readonly string[];
let images: readonly RgbImage[];
let manager: DalleModelManager;
let embed: Embed;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "mixes-"));
  config = join(folder, "kandinsky.json");
  writeFileSync(config, JSON.stringify(kandinskyConfig("kandinsky-text-to-image")));
  images = [3, 7].map((step) =>
    makeImage(
      40,
      40,
      3,
      Uint8Array.from({ length: 40 * 40 * 3 }, (_, i) => (i * step) % 256),
    ),
  );
  files = ["blue_hill.png", "green_lake.png"].map((name) => join(folder, name));
  for (const [i, file] of files.entries()) writeFileSync(file, await encodePng(images[i]!));
  manager = await DalleModelManager.create(await ModelLoadConfig.open(config), {
    gpu: await sharedGpu(),
    dtype: "f32",
  });
  embed = new Embed(manager);
});

afterAll(() => {
  manager.dispose();
  rmSync(folder, { recursive: true });
});

/** Runs `dalle2 embed`. */
function run(args: readonly string[], name: string) {
  const file = join(folder, name);
  const model = ["--model-config", config, "--dtype", "f32"];
  return { file, ...dalle2(["embed", ...args, "--prior-steps", `${STEPS}`, ...model, "--output", file]) };
}

/** Runs `dalle2 embed` and reads its file. */
async function written(args: readonly string[], name: string) {
  const { file, status, stderr } = run(args, name);
  expect(status, stderr).toBe(0);
  const source = await openSource(file);
  try {
    return await readEmbeddings(source);
  } finally {
    await source.close();
  }
}

const inputs = (): readonly string[] => ["--image", files[0]!, "--text", text, "--image", files[1]!];
const apart = (a: { data: ArrayLike<number> }, b: { data: ArrayLike<number> }): number =>
  difference(a.data, b.data).maxRelative;

describe("dalle2 embed --mix", () => {
  it("writes the mixtures of Embed.mix, which dream takes", async () => {
    const weights = [0.5, -0.2, 0.7];
    const args = [...inputs(), "--mix", weights.join(), "--seed", "4", "--samples", "2"];
    const { priors, texts, images: alone } = await written(args, "mixed.safetensors");
    expect([texts, alone]).toEqual([[], []]);
    const caption = "a red cat, Blue hill, Green lake";
    expect(priors.map((row) => [row.text, row.seed])).toEqual([
      [caption, 4],
      [caption, 5],
    ]);
    const call = { steps: STEPS, seeds: [4, 5], sampleCount: 2 };
    const expected = await embed.mix([text, ...images], weights, call);
    const others = await embed.mix([text, ...images], [0.5, 0.7, -0.2], call);
    priors.forEach(({ embedding }, i) => {
      expect(apart(embedding, expected[i]!.embedding)).toBeLessThan(1e-5);
      expect(apart(embedding, others[i]!.embedding)).toBeGreaterThan(1e-2);
    });
    const model = ["--model-config", config, "--dtype", "f32", "--steps", "2", "--output-path", join(folder, "out")];
    const dreamt = generated(["dream", "--embeddings", join(folder, "mixed.safetensors"), "--seed", "1", ...model]);
    expect(dreamt.map(({ prompt }) => prompt)).toEqual([caption, caption]);
  });

  it.each([
    [["--mix", "0.5,0.5"], "--mix has 2 weights, but there are 1 text and 2 images"],
    [["--mix", "0.5,,0.5"], "It is not a list of numbers separated by commas"],
    [["--mix", "1,1,1", "--no-prior"], "--mix cannot be combined with --no-prior"],
    [["--mix", "1,1,1", "--init-image", "a.png"], "--mix cannot be combined with --init-image"],
  ])("refuses %s", (args, message) => {
    const { status, stderr } = run([...inputs(), ...args], "none.safetensors");
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});

describe("dalle2 embed --init-image", () => {
  it("starts the prior from the embedding of the image", async () => {
    const texts = ["--text", text, "--text", "a dog"];
    const start = ["--init-image", files[0]!, "--strength", "0.7", "--seed", "4"];
    const { priors } = await written([...texts, ...start], "started.safetensors");
    const [initEmbed] = await embed.images([images[0]!]);
    const call = { steps: STEPS, seeds: [4, 5] };
    const from = { initEmbed: [initEmbed!, initEmbed!], strength: 0.7 };
    const expected = [...(await embed.prior([text, "a dog"], { ...call, ...from })).values()].flat();
    const others = [...(await embed.prior([text, "a dog"], call)).values()].flat();
    expect(priors).toHaveLength(2);
    priors.forEach(({ embedding }, i) => {
      expect(apart(embedding, expected[i]!)).toBeLessThan(1e-5);
      expect(apart(embedding, others[i]!)).toBeGreaterThan(1e-2);
    });
  });

  it.each([
    [["--text", text, "--strength", "0.5"], "--strength needs --init-image"],
    [["--image", "examples/images", "--init-image", "a.png"], "--init-image needs a text"],
    [["--text", text, "--no-prior", "--init-image", "a.png"], "--init-image cannot be combined with --no-prior"],
    [
      ["--text", text, "--init-image", "a.png", "--init-image", "b.png"],
      "--init-image must be given once; it was given 2 times",
    ],
  ])("refuses %s", (args, message) => {
    const { status, stderr } = run(args, "none.safetensors");
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });

  it("is refused if the strength leaves no step, or by other priors", () => {
    const none = run(["--text", text, "--init-image", files[0]!, "--strength", "0.1"], "none.safetensors");
    expect(none.status).toBe(2);
    expect(none.stderr).toMatch(/strength/);
    const args = ["embed", "--text", text, "--init-image", files[0]!, "--output", join(folder, "none.safetensors")];
    const shapes = dalle2(args);
    expect(shapes.status).toBe(2);
    expect(shapes.stderr).toContain("This prior cannot start from an image (--init-image)");
  });
});
