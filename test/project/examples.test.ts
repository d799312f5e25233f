import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { decodeImage } from "#platform";
import { readImageText } from "../../src/image/encode.js";
import { removeAlpha, type RgbImage } from "../../src/image/image.js";
import { isRight, judge } from "../support/shapes-measure.js";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** The images that each example writes, and what the Shapes model should show there; anything between two prompts. */
const images: Record<string, Record<string, string | undefined>> = {
  "example-inference": { "output/example-inference.png": "a red circle on a white background" },
  "text-to-image": {
    "output/text-to-image-0.png": "a large green ring on a black background",
    "output/text-to-image-1.png": "a yellow triangle on a navy background",
  },
  variation: {
    "output/variation-0.png": "a red circle on a white background",
    "output/variation-1.png": "a red circle on a white background",
  },
  inpainting: { "output/inpainting.png": "a red circle to the left of a blue square on a white background" },
  upscale: { "output/upscale.png": "a red circle on the left on a white background" },
  interpolate: {
    "output/interpolate-0.png": "a red circle on a white background",
    "output/interpolate-1.png": undefined,
    "output/interpolate-2.png": undefined,
    "output/interpolate-3.png": "a blue square on a black background",
  },
  preview: { "output/preview.png": "a large orange ring on a teal background" },
  "text-guided-edit": { "output/text-guided-edit.png": "a blue circle on a white background" },
  "own-weights": { "output/own-weights.webp": "a pink diamond on a beige background" },
};

/** Runs an example as a user does, on the built package (`npm test` builds it first). Returns the files that it names. */
function runExample(name: string): string[] {
  for (const file of Object.keys(images[name]!)) rmSync(root + file, { force: true });
  const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/example.js", name], {
    cwd: root,
    encoding: "utf8",
  });
  expect(status, stderr).toBe(0);
  return stdout.split("\n").filter((line) => line.startsWith("output/"));
}

async function readImage(file: string): Promise<RgbImage> {
  return removeAlpha(await decodeImage(readFileSync(root + file)));
}

describe("example", () => {
  it.each(Object.keys(images))("%s generates what it says", { timeout: 300_000 }, async (name) => {
    const files = runExample(name);
    expect(files).toEqual(Object.keys(images[name]!));
    for (const file of files) {
      const { width, height, data } = await readImage(file);
      expect([width, height]).toEqual([64, 64]);
      const prompt = images[name]![file];
      if (prompt === undefined) continue;
      const judgement = judge(prompt, 64, data);
      expect(isRight(judgement), `${file}: ${JSON.stringify(judgement)}`).toBe(true);
    }
  });

  it("text-to-image says in its files what they were drawn from", async () => {
    const text = await readImageText(readFileSync(`${root}output/text-to-image-1.png`));
    expect(text.get("Seed")).toBe("101");
    expect(JSON.parse(text.get("Parameters")!)).toMatchObject({ script: "BasicInference" });
  });

  it("preview shows each U-Net's image in its size", async () => {
    const sizes = ["output/preview-1-24.png", "output/preview-2-8.png"].map(
      async (file) => (await readImage(file)).width,
    );
    expect(await Promise.all(sizes)).toEqual([32, 64]);
  });

  it("inpainting keeps what its mask keeps", async () => {
    const [before, after] = await Promise.all(
      ["examples/images/red-circle.png", "output/inpainting.png"].map(readImage),
    );
    const kept = (image: RgbImage) => image.data.filter((_, i) => Math.floor(i / 3) % 64 < 36);
    expect(kept(after!)).toEqual(kept(before!));
  });

  it("are all run here", () => {
    const names = readdirSync(`${root}examples`).filter((file) => file.endsWith(".ts"));
    expect(names.map((file) => file.replace(".ts", "")).sort()).toEqual(Object.keys(images).sort());
  });

  it("are listed where none is named", () => {
    const { status, stderr } = spawnSync(process.execPath, ["scripts/example.js"], { cwd: root, encoding: "utf8" });
    expect(status).toBe(2);
    expect(stderr).toContain("own-weights");
  });
});
