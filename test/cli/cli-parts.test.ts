import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it, vi } from "vitest";
import { captionOf, textsFor } from "../../src/cli/asking/captions.js";
import { promptFromFileName } from "../../src/image/image-files.js";
import { UsageError } from "../../src/cli/errors.js";
import { expandFolders, loadImage, loadMasked, squareMasked, loadSquare } from "../../src/cli/asking/image-files.js";
import { fileNameOf } from "../../src/cli/generating/image-names.js";
import { formatDuration } from "../../src/cli/generating/progress-line.js";
import { checkSeeds, followingSeeds, seedNumber } from "../../src/cli/generating/seeds.js";
import { nonEmptyText, wholeNumber } from "../../src/cli/option-values.js";
import { readPrompts } from "../../src/cli/asking/prompts.js";
import { recordTexts, type ImageRecord } from "../../src/pipeline/records/image-record.js";
import { encodeImage } from "../../src/image/encode.js";
import { encodePng } from "../../src/image/png.js";
import { makeImage, type RgbImage } from "../../src/image/image.js";

const folder = mkdtempSync(join(tmpdir(), "dalle2-cli-parts-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** An image whose red is 10 times its column and green 10 times its row. */
function ramp(width: number, height: number): RgbImage {
  const pixels = Array.from({ length: width * height }, (_, i) => [(i % width) * 10, Math.floor(i / width) * 10, 0]);
  return makeImage(width, height, 3, Uint8Array.from(pixels.flat()));
}

const RECORD: ImageRecord = {
  software: "dalle2-webgpu 0.1.0",
  seed: 1,
  parameters: { script: "BasicInference" },
  inputs: {},
  model: { files: [] },
  adapter: "a GPU",
  dtype: "f32",
  weights: "full",
  tuning: "default",
};

/** Writes an image to a PNG file and returns its path. */
async function writePng(name: string, image: RgbImage): Promise<string> {
  const file = join(folder, name);
  writeFileSync(file, await encodePng(image));
  return file;
}

describe("names", () => {
  it("are valid on every system", () => {
    expect(fileNameOf("A Red  circle!")).toBe("a-red-circle");
    expect(fileNameOf("../../etc/passwd\0")).toBe("etc-passwd");
    expect(fileNameOf("...")).toBe("image");
    expect(fileNameOf("красный круг")).toBe("красный-круг");
    expect(fileNameOf("-rf")).toBe("rf");
    expect(Buffer.byteLength(fileNameOf("𠀀".repeat(500)))).toBe(100);
    // Not cut within a character: é is two bytes; e with a combining accent would be three.
    expect(fileNameOf(`${"x".repeat(99)}é`)).toBe("x".repeat(99));
  });

  it.each([
    ["red_circle.png", "Red circle"],
    ["photos/aRedCircle.jpeg", "A Red Circle"],
    ["RedCircle.webp", "Red Circle"],
    ["blue_Square.final.png", "Blue Square.final"],
    ["élan.png", "Élan"],
  ])("suggest a caption: %s", (file, caption) => {
    expect(promptFromFileName(file)).toBe(caption);
  });

  it("replace texts that are not given", async () => {
    const files = ["a_dog.png", "a_cat.png"];
    expect(await textsFor(files, [])).toEqual(["A dog", "A cat"]);
    expect(await textsFor(files, ["an animal"])).toEqual(["an animal", "an animal"]);
    expect(await textsFor(files, ["x", "y"])).toEqual(["x", "y"]);
    await expect(textsFor(files, ["x", "y", "z"])).rejects.toThrow("for each of 2 images; it was given 3 times");
    await expect(textsFor(["a.png"], ["x", "y"])).rejects.toThrow(UsageError);
  });

  it.each(["png", "jpeg", "webp"] as const)("are not used if the record of a %s file has a prompt", async (format) => {
    const write = async (name: string, inputs: ImageRecord["inputs"]) => {
      const record = { ...RECORD, inputs };
      const bytes = await encodeImage(ramp(2, 2), { format, text: recordTexts(record, "x") });
      writeFileSync(join(folder, name), bytes);
      return join(folder, name);
    };
    expect(await captionOf(await write(`IMG_1.${format}`, { prompt: "a red circle" }))).toBe("a red circle");
    expect(await captionOf(await write(`IMG_2.${format}`, { from: "a cat", to: "a dog" }))).toBe("a dog");
    expect(await captionOf(await write(`a_cat.${format}`, { start: "a ring", end: "a cross" }))).toBe("A cat");
    expect(await captionOf(await writePng("no_record.png", ramp(2, 2)))).toBe("No record");
    expect(await captionOf(join(folder, "not_there.png"))).toBe("Not there");
  });
});

describe("input images", () => {
  it("are the images of a folder, sorted by name, and no other files", async () => {
    mkdirSync(join(folder, "mixed"));
    for (const name of ["b.png", "a.JPG", "c.webp", "notes.txt"]) writeFileSync(join(folder, "mixed", name), "");
    const mixed = ["a.JPG", "b.png", "c.webp"].map((name) => join(folder, "mixed", name));
    expect(expandFolders([join(folder, "mixed")])).toEqual(mixed);
    mkdirSync(join(folder, "empty"));
    expect(() => expandFolders([join(folder, "empty")])).toThrow("no PNG, JPEG or WebP files");
    expect(() => expandFolders([join(folder, "nothing.png")])).toThrow("no such file or folder");
    writeFileSync(join(folder, "text.png"), "no image");
    await expect(loadSquare(join(folder, "text.png"), () => undefined)).rejects.toThrow(
      `${join(folder, "text.png")}: this is not an image in a known format; give a PNG, JPEG or WebP file`,
    );
    writeFileSync(join(folder, "empty.png"), "");
    await expect(loadSquare(join(folder, "empty.png"), () => undefined)).rejects.toThrow(
      "empty.png: the file is empty",
    );
    writeFileSync(join(folder, "cut.jpg"), new Uint8Array([0xff, 0xd8, 0xff, 0xe0]));
    await expect(loadSquare(join(folder, "cut.jpg"), () => undefined)).rejects.toThrow(
      /cut\.jpg: the JPEG image cannot be decoded: .*; save or download it again$/,
    );
  });

  it("are the first frame of an animation, with a message", async () => {
    const file = join(folder, "frames.gif");
    const pixels = Uint8Array.from({ length: 4 * 12 * 3 }, (_, i) => (i * 37) % 256);
    await sharp(pixels, { raw: { width: 4, height: 12, channels: 3, pageHeight: 4 } }).toFile(file);
    const said = vi.spyOn(process.stderr, "write").mockImplementation(() => true);
    await expect(loadImage(file)).resolves.toMatchObject({ width: 4, height: 4 });
    expect(said.mock.calls).toEqual([["frames.gif has 3 frames; only the first is used.\n"]]);
    said.mockRestore();
  });

  it("are cropped to the square in their middle, with a message", async () => {
    const said: string[] = [];
    const image = await loadSquare(await writePng("wide.png", ramp(5, 2)), (message) => said.push(message));
    expect(image).toEqual(makeImage(2, 2, 3, Uint8Array.from([10, 0, 0, 20, 0, 0, 10, 10, 0, 20, 10, 0])));
    expect(said).toEqual(["wide.png is not square; it is cropped to the square in its middle."]);
  });

  it("are kept where the red of the mask is above 128, and resized to the smallest", async () => {
    const files = [
      { image: await writePng("4.png", ramp(4, 4)), mask: await writePng("4m.png", half(4)) },
      { image: await writePng("8.png", flat(8)), mask: await writePng("8m.png", half(8)) },
    ];
    const said: string[] = [];
    const load = async (invert: boolean) => {
      const reading = { channel: "red", invert, say: (message: string) => said.push(message) } as const;
      return squareMasked(await loadMasked(files, reading), files, reading);
    };
    const [kept, free] = [await load(false), await load(true)];
    expect(kept[0]!.image).toEqual(ramp(4, 4));
    expect(kept[1]!.image).toEqual(flat(4));
    const left = Array.from({ length: 16 }, (_, i) => i % 4 < 2);
    expect(kept.map(({ mask }) => mask)).toEqual([left, left]);
    expect(free.map(({ mask }) => mask)).toEqual([left, left].map((mask) => mask.map((keep) => !keep)));
    expect(said[0]).toBe("All images are resized to the size of the smallest, 4 × 4 pixels.");
    await expect(
      loadMasked([{ image: files[0]!.image, mask: files[1]!.mask }], {
        channel: "red",
        invert: false,
        say: () => undefined,
      }),
    ).rejects.toThrow(UsageError);
  });

  /** White on the left, red of 64 on the right. */
  function half(size: number): RgbImage {
    const pixels = Array.from({ length: size * size }, (_, i) =>
      i % size < size / 2 ? [255, 255, 255] : [64, 255, 255],
    );
    return makeImage(size, size, 3, Uint8Array.from(pixels.flat()));
  }

  function flat(size: number): RgbImage {
    return makeImage(size, size, 3, new Uint8Array(size * size * 3).fill(77));
  }
});

describe("seeds", () => {
  const most = Number.MAX_SAFE_INTEGER;

  it("are 0 to 2^53 - 1, or -1 for a random seed", () => {
    expect([seedNumber("0"), seedNumber(String(most))]).toEqual([0, most]);
    const random = [seedNumber("-1"), seedNumber("-1"), seedNumber("-1")];
    expect(random.every((seed) => Number.isSafeInteger(seed) && seed >= 0)).toBe(true);
    expect(new Set(random).size).toBeGreaterThan(1);
    for (const value of ["-2", String(most + 1), "1.5", ""]) expect(() => seedNumber(value)).toThrow("2^53 - 1");
  });

  it("never exceed the largest", () => {
    expect(followingSeeds({ seed: most - 1 }, 2)).toEqual([{ seed: most - 1 }, { seed: most }]);
    expect(() => followingSeeds({ seed: most }, 2)).toThrow(`Use at most --seed ${most - 1}`);
    expect(() => {
      checkSeeds({ seed: most - 1 }, 3);
    }).toThrow(UsageError);
    checkSeeds({}, 1e6);
  });
});

it("refuses invalid option values", () => {
  expect(() => wholeNumber("0")).toThrow("not a whole number of at least 1");
  expect(() => seedNumber("1.5")).toThrow("not a whole number from 0");
  expect(() => nonEmptyText(" ")).toThrow("It is empty");
});

it("reads prompts from a JSON array, and refuses other JSON", async () => {
  const file = join(folder, "prompts.json");
  writeFileSync(file, JSON.stringify(["a red square", " a ring "]));
  await expect(readPrompts(file)).resolves.toEqual(["a red square", "a ring"]);
  writeFileSync(file, JSON.stringify({ prompt: "a ring" }));
  await expect(readPrompts(file)).rejects.toThrow("must be an array of strings");
});

it("refuses a file without prompts", async () => {
  for (const [name, content] of [
    ["none.txt", " \n"],
    ["none.json", "[]"],
  ] as const) {
    const file = join(folder, name);
    writeFileSync(file, content);
    await expect(readPrompts(file)).rejects.toThrow(`${file}: there are no prompts in this file.`);
  }
});

it.each([
  [0, "0:00"],
  [65_400, "1:05"],
  [3_723_000, "1:02:03"],
])("%i ms is written %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text);
});

describe("lines of a prompts file", () => {
  const read = async (content: string | Uint8Array) => {
    const file = join(folder, "lines.txt");
    writeFileSync(file, content);
    return await readPrompts(file);
  };

  it("end as in Python's open()", async () => {
    expect(await read("a red circle\ra blue square")).toEqual(["a red circle", "a blue square"]);
    expect(await read("one\r\ntwo\n\nthree\r\rfour\n\rfive\r\n")).toEqual(["one", "two", "three", "four", "five"]);
    // These end lines for str.splitlines(), but not in a text file.
    const within = ["a\u000bb", "a\u000cb", "a\u001cb", "a\u0085b", "a\u2028b", "a\u2029b"];
    for (const prompt of within) expect(await read(`${prompt}\rc`)).toEqual([prompt, "c"]);
  });

  it("can follow a byte order mark", async () => {
    expect(await read("\ufeffa red circle\ra ring")).toEqual(["a red circle", "a ring"]);
  });

  it.each([
    ["UTF-16", Buffer.from("\ufeffa ring", "utf16le")],
    ["UTF-16", Buffer.from("\ufeffa ring", "utf16le").swap16()],
    ["UTF-16", Buffer.from("a ring", "utf16le")],
    ["UTF-16", Buffer.from("a ring", "utf16le").swap16()],
    ["UTF-32", Buffer.from([0xff, 0xfe, 0, 0, 0x61, 0, 0, 0])],
    ["UTF-32", Buffer.from([0, 0, 0xfe, 0xff, 0, 0, 0, 0x61])],
  ])("are not read from %s, which is named", async (encoding, content) => {
    await expect(read(content)).rejects.toThrow(new RegExp(`lines\\.txt.*is ${encoding} text.*save it as UTF-8`));
  });

  it("are not read from Latin-1", async () => {
    await expect(read(Buffer.from("caf\u00e9", "latin1"))).rejects.toThrow(/lines\.txt.*is not UTF-8 text/);
  });
});
