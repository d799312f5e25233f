import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { encodePng } from "../../src/image/png.js";
import { makeImage } from "../../src/image/image.js";
import { readRecord } from "../../src/pipeline/records/image-record.js";
import { dalle2, generated } from "../support/cli.js";

const folder = mkdtempSync(join(tmpdir(), "dalle2-embed-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const image = join(folder, "green_square.png");
const file = join(folder, "e.safetensors");
const output = join(folder, "output");
const few = ["--steps", "2", "--output-path", output];

describe("dalle2 embed", () => {
  it("writes embeddings that dream and variation can use", async () => {
    writeFileSync(image, await encodePng(makeImage(64, 64, 3, new Uint8Array(64 * 64 * 3).fill(90))));
    const texts = ["--text", "a red circle", "--text", "a blue square"];
    const made = dalle2(["embed", ...texts, "--image", image, "--prior-steps", "2", "--output", file, "--json"]);
    expect(made.status, made.stderr).toBe(0);
    expect(JSON.parse(made.stdout)).toEqual({
      file,
      tensors: [
        { name: "clip_text_embed", shape: [2, 128] },
        { name: "clip_image_embed", shape: [1, 128] },
        { name: "prior_image_embed", shape: [2, 128] },
      ],
    });
    const several = ["--decoder-samples", "2", "--grid", "--preview", "1"];
    const fromTexts = generated(["dream", "--embeddings", file, "--seed", "1", ...several, ...few]);
    const grid = join(output, "grid-1.png");
    expect(fromTexts.map(({ prompt, embeddings, seed, grid: sheet }) => [prompt, embeddings, seed, sheet])).toEqual([
      ["a red circle", "e.safetensors", 1, grid],
      ["a red circle", "e.safetensors", 2, grid],
      ["a blue square", "e.safetensors", 3, grid],
      ["a blue square", "e.safetensors", 4, grid],
    ]);
    expect(readdirSync(output).sort()).toEqual(
      [...fromTexts.map(({ file: one }) => basename(one)), "grid-1.png"].sort(),
    );
    const varied = generated(["variation", "--embeddings", file, "--seed", "1", ...few]);
    expect(varied.map(({ image: of, prompt }) => [of, prompt])).toEqual([["green_square.png", "Green square"]]);
    // An image generated from the file cannot be repeated without it.
    const again = dalle2(["dream", "--from", fromTexts[0]!.file]);
    expect(again.status).toBe(2);
    expect(again.stderr).toContain("from e.safetensors (--embeddings)");
  });
});

describe("dalle2 dream", () => {
  it("writes previews, starts from an initial image, and records it", async () => {
    const start = ["--init-image", image, "--strength", "0.5", "--preview", "1"];
    const args = ["dream", "a ring", "--seed", "4", ...start, ...few, "--prior-steps", "2", "-v"];
    const { status, stdout, stderr } = dalle2(args);
    expect(status, stderr).toBe(0);
    const path = join(output, "a-ring-4.png");
    expect(stdout).toContain(path);
    expect(stderr).toMatch(/^1 image in /m);
    expect(stderr).toContain(`Preview: ${join(output, "a-ring-4-preview.png")}`);
    expect(readdirSync(output).filter((name) => name.includes("preview"))).toEqual([]);
    const { record } = await readRecord(path);
    expect(record?.inputs).toEqual({ prompt: "a ring", initImage: "green_square.png" });
    expect(record?.parameters.strength).toBe(0.5);
    const again = dalle2(["dream", "--from", path]);
    expect(again.stderr).toContain("from green_square.png (--init-image)");
  });

  it.each([
    [["a ring", "--strength", "0.5"], "--strength needs --init-image"],
    [["--prompt", "a ring", "--embeddings", "e.safetensors"], "--embeddings cannot be combined with the prompt"],
    [["a ring", "--embeddings", "e.safetensors"], "--embeddings cannot be combined with the prompt"],
    [["--prior-samples", "2", "--embeddings", "e.safetensors"], "--embeddings cannot be combined with --prior-samples"],
    [
      ["--samples", "2", "--decoder-samples", "2", "a ring"],
      "--samples cannot be combined with --prior-samples or --decoder-samples",
    ],
    [[file], `To use the embeddings in it: --embeddings ${file}`],
    [["a ring", "--init-image", image, "--init-image", image], "--init-image must be given once; it was given 2 times"],
    [["--prompt", "a ring", "--init-image", image, "--strength", "2"], "It is not a number from 0 to 1"],
  ])("refuses %s", (args, message) => {
    const { status, stderr } = dalle2(["dream", ...args]);
    expect(status).toBe(2);
    expect(stderr).toContain(message);
  });
});
