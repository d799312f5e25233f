import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { makeImage } from "../../src/image/image.js";
import {
  imagesInFolder,
  isImageFile,
  isJsonFile,
  isTextFile,
  loadImage,
  loadImages,
  loadRgbaImage,
  promptFromFileName,
} from "../../src/image/image-files.js";
import { encodePng } from "../../src/image/png.js";
import { FileError } from "../../src/platform/errors.js";

const folder = mkdtempSync(join(tmpdir(), "image-files-"));
const rgba = makeImage(2, 1, 4, Uint8Array.of(1, 2, 3, 0, 4, 5, 6, 255));

beforeAll(async () => {
  mkdirSync(join(folder, "below.png"));
  writeFileSync(join(folder, "b.png"), await encodePng(rgba));
  writeFileSync(join(folder, "a.PNG"), await encodePng(makeImage(1, 1, 3, Uint8Array.of(7, 8, 9))));
  writeFileSync(join(folder, "broken.jpg"), "no image");
  writeFileSync(join(folder, "notes.txt"), "");
});

afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("names of files", () => {
  it("say what is in them", () => {
    expect(["a.png", "a.JPG", "a.jpeg", "a.webp", "a.txt", "png", "a.png.txt"].map(isImageFile)).toEqual([
      true,
      true,
      true,
      true,
      false,
      false,
      false,
    ]);
    expect(["a.txt", "a.TXT", "a.json", "txt"].map(isTextFile)).toEqual([true, true, false, false]);
    expect(["a.json", "a.jsonl", "json"].map(isJsonFile)).toEqual([true, false, false]);
  });

  it.each([
    ["photos/red_circle.png", "Red circle"],
    ["RedCircle.webp", "Red Circle"],
    ["C:\\photos\\a_dog.jpg", "A dog"],
    ["two.dots.png", "Two.dots"],
    [".hidden", ".hidden"],
    ["folder/", "Folder"],
  ])("suggest a prompt: %s", (path, prompt) => {
    expect(promptFromFileName(path)).toBe(prompt);
  });
});

describe("image files", () => {
  it("of a folder come by their names", async () => {
    expect(await imagesInFolder(folder)).toEqual(["a.PNG", "b.png", "broken.jpg"].map((name) => join(folder, name)));
    const missing = imagesInFolder(join(folder, "none"));
    await expect(missing).rejects.toThrow(/none: there is no such folder/);
    await expect(missing).rejects.toBeInstanceOf(FileError);
  });

  it("are read with their alpha, or without", async () => {
    const file = join(folder, "b.png");
    expect(await loadRgbaImage(file)).toEqual(rgba);
    expect((await loadImage(file)).data).toEqual(Uint8Array.of(1, 2, 3, 4, 5, 6));
    expect((await loadImages([join(folder, "a.PNG"), file])).map(({ width }) => width)).toEqual([1, 2]);
  });

  it("are named by errors", async () => {
    await expect(loadImage(join(folder, "broken.jpg"))).rejects.toThrow(/broken\.jpg: /);
    await expect(loadImages([join(folder, "b.png"), join(folder, "none.png")])).rejects.toThrow(/none\.png: /);
  });
});
