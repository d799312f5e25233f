import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { PreviewFiles } from "../../../src/cli/generating/preview-files.js";
import { makeImage, type RgbImage } from "../../../src/image/image.js";
import { readImage } from "../../support/cli.js";

let folder: string;
const said: string[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dalle2-previews-"));
  said.length = 0;
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const flat = (value: number): RgbImage => makeImage(2, 2, 3, new Uint8Array(12).fill(value));

function previews(overwrite = false): PreviewFiles {
  return new PreviewFiles(["a", "b"], { folder, overwrite, say: (message) => said.push(message) });
}

it("keep the latest preview of each image in one file, and remove it with the image", async () => {
  const files = previews();
  files.show([flat(1), flat(2)], 0);
  files.show([flat(3), flat(4)], 0);
  await vi.waitFor(async () => {
    expect((await readImage(join(folder, "b-preview.png"))).data).toEqual(flat(4).data);
  });
  expect((await readImage(join(folder, "a-preview.png"))).data).toEqual(flat(3).data);
  expect(readdirSync(folder).sort()).toEqual(["a-preview.png", "b-preview.png"]);
  expect(said).toHaveLength(2);
  await files.remove(0);
  expect(readdirSync(folder)).toEqual(["b-preview.png"]);
  files.show([flat(5)], 1);
  await files.removeAll();
  expect(readdirSync(folder)).toEqual([]);
});

it("do not replace an existing file unless they may overwrite", async () => {
  const name = join(folder, "b-preview.png");
  writeFileSync(name, "mine");
  const files = previews();
  files.show([flat(1)], 1);
  await files.remove(1);
  expect(readdirSync(folder)).toEqual(["b-preview.png"]);
  expect(said).toEqual([`Preview: ${join(folder, "b-preview_2.png")}`]);
  const others = previews(true);
  others.show([flat(2)], 1);
  await vi.waitFor(async () => {
    expect((await readImage(name)).data).toEqual(flat(2).data);
  });
  await others.removeAll();
});

it("stop with one message if they cannot be written", async () => {
  const files = previews();
  rmSync(folder, { recursive: true });
  files.show([flat(1), flat(2)], 0);
  await files.remove(0);
  files.show([flat(1)], 1);
  await files.removeAll();
  expect(said).toHaveLength(1);
  expect(said[0]).toContain("No more previews will be written: ");
});
