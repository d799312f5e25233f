import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, it } from "vitest";
import { decodeImage } from "#platform";
import { loadMasked, wholeMasked, type MaskReading } from "../../src/cli/asking/image-files.js";
import { encodePng } from "../../src/image/png.js";
import { makeImage, type RgbaImage } from "../../src/image/image.js";
import { ArgumentError } from "../../src/platform/arguments.js";
import { describeUniform, maskFromImage, type MaskChannel, type MaskOptions } from "../../src/image/mask.js";

type Pixel = readonly [red: number, green: number, blue: number, alpha: number];

function image(...pixels: readonly Pixel[]): RgbaImage {
  return makeImage(pixels.length, 1, 4, Uint8Array.from(pixels.flat()));
}

/** A mask and its warnings. */
function read(source: RgbaImage, options: MaskOptions = {}) {
  const said: string[] = [];
  const mask = maskFromImage(source, { ...options, onWarning: (message) => said.push(message) });
  return { mask, said: said.join("\n") };
}

const WHITE: Pixel = [255, 255, 255, 255];
const BLACK: Pixel = [0, 0, 0, 255];
const CLEAR: Pixel = [0, 0, 0, 0];
const CLEAR_WHITE: Pixel = [255, 255, 255, 0];
const GREEN: Pixel = [0, 255, 0, 255];
const RED: Pixel = [255, 0, 0, 255];

describe("maskFromImage", () => {
  it.each<[MaskChannel, boolean[]]>([
    ["red", [true, false, true, false]],
    ["alpha", [true, true, false, true]],
    ["luma", [true, false, true, true]],
  ])("keeps pixels above 128 in %s, or the others", (channel, expected) => {
    const source = image(WHITE, BLACK, CLEAR_WHITE, GREEN);
    expect(read(source, { channel }).mask).toEqual(expected);
    expect(read(source, { channel, invert: true }).mask).toEqual(expected.map((keep) => !keep));
  });

  it("does not keep exactly 128, and treats an image without alpha as opaque", () => {
    const grey = image([128, 128, 128, 128], [129, 129, 129, 129]);
    for (const channel of ["red", "alpha", "luma"] as const)
      expect(read(grey, { channel }).mask).toEqual([false, true]);
    const opaque = makeImage(2, 1, 3, Uint8Array.of(0, 0, 0, 255, 255, 255));
    expect(maskFromImage(opaque, { channel: "alpha", onWarning: () => undefined })).toEqual([true, true]);
  });

  it("refuses an unknown channel", () => {
    const channel = "blue" as unknown as MaskChannel;
    expect(() => maskFromImage(image([0, 0, 0, 0]), { channel })).toThrow(ArgumentError);
  });

  it("does not warn if the channel varies and alpha is uniform or equal", () => {
    expect(read(image(WHITE, BLACK)).said).toBe("");
    expect(read(image(WHITE, CLEAR)).said).toBe("");
    expect(read(image(WHITE, CLEAR, BLACK), { channel: "alpha" }).said).toBe("");
    expect(read(image(WHITE, WHITE)).said).toBe("");
  });

  it.each([
    [
      "transparent parts of a white mask",
      image(WHITE, CLEAR_WHITE),
      "red",
      /red channel is above 128 everywhere; its alpha.*channel: "alpha" keeps/,
    ],
    [
      "transparent parts of a black mask",
      image(BLACK, CLEAR),
      "red",
      /red channel is at most 128 everywhere; its alpha/,
    ],
    [
      "transparent parts of a photo",
      image(WHITE, BLACK, [200, 9, 9, 0]),
      "red",
      /alpha channel varies, but only its red channel is used/,
    ],
    [
      "transparent parts of a photo",
      image(WHITE, BLACK, [200, 9, 9, 0]),
      "luma",
      /alpha channel varies, but only its luma channel is used/,
    ],
    [
      "alpha that varies above the threshold",
      image(WHITE, [255, 255, 255, 200]),
      "red",
      /red channel is above 128 everywhere; its alpha channel varies from 200 to 255, above 128 everywhere/,
    ],
    ["colours with equal red", image(GREEN, BLACK), "red", /luma channel varies, but is not used\. channel: "luma"/],
    [
      "an opaque mask read by alpha",
      image(RED, BLACK),
      "alpha",
      /alpha channel is above 128 everywhere.* red.*channel: "red"/,
    ],
  ] as const)("suggests another channel: %s", (_, source, channel, message) => {
    expect(read(source, { channel }).said).toMatch(message);
  });
});

it("detects masks that keep everything or nothing", () => {
  expect(describeUniform([true, true])).toMatch(/keeps every pixel/);
  expect(describeUniform(Uint8Array.of(0, 0))).toMatch(/keeps no pixel/);
  expect(describeUniform([true, 0])).toBeUndefined();
});

/** Keeps the left half; in alpha if there is one, otherwise in grey. */
const SIDE = 4;
const left = Array.from({ length: SIDE ** 2 }, (_, i) => i % SIDE < SIDE / 2);

function raw(channels: 1 | 2 | 3 | 4) {
  const values = left.flatMap((keep) => {
    const value = keep ? 255 : 0;
    // With alpha, the colour has no meaning.
    return channels === 1 || channels === 3
      ? Array<number>(channels).fill(value)
      : [...Array<number>(channels - 1).fill(90), value];
  });
  return { values, options: { raw: { width: SIDE, height: SIDE, channels } } };
}

const bytes = (channels: 1 | 2 | 3 | 4) => {
  const { values, options } = raw(channels);
  return sharp(Uint8Array.from(values), options);
};
const words = (channels: 1 | 2 | 3 | 4) => {
  const { values, options } = raw(channels);
  return sharp(
    Uint16Array.from(values, (value) => value * 257),
    options,
  );
};

describe("mask files", () => {
  it.each<[string, () => Promise<Buffer>, MaskChannel]>([
    ["grey PNG", () => bytes(1).toColourspace("b-w").png().toBuffer(), "red"],
    ["grey PNG with alpha", () => bytes(2).toColourspace("b-w").png().toBuffer(), "alpha"],
    ["PNG", () => bytes(3).png().toBuffer(), "red"],
    ["PNG with alpha", () => bytes(4).png().toBuffer(), "alpha"],
    ["palette PNG", () => bytes(3).png({ palette: true }).toBuffer(), "luma"],
    ["palette PNG with alpha", () => bytes(4).png({ palette: true }).toBuffer(), "alpha"],
    ["PNG of 16 bits", () => words(3).toColourspace("rgb16").png().toBuffer(), "red"],
    ["grey PNG of 16 bits", () => words(1).toColourspace("grey16").png().toBuffer(), "luma"],
    ["PNG of 16 bits with alpha", () => words(4).toColourspace("rgb16").png().toBuffer(), "alpha"],
    ["grey JPEG", () => bytes(1).toColourspace("b-w").jpeg({ quality: 100 }).toBuffer(), "red"],
    ["WebP with alpha", () => bytes(4).webp({ lossless: true }).toBuffer(), "alpha"],
  ])("are read by channel: %s", async (_, file, channel) => {
    const decoded = await decodeImage(new Uint8Array(await file()));
    expect(maskFromImage(decoded, { channel, onWarning: () => undefined })).toEqual(left);
  });
});

describe("masks of the command", () => {
  const folder = mkdtempSync(join(tmpdir(), "mask-"));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  async function load(mask: RgbaImage, options: Partial<MaskReading> = {}) {
    const said: string[] = [];
    const files = { image: join(folder, "image.png"), mask: join(folder, "mask.png") };
    const { width, height } = mask;
    writeFileSync(
      files.image,
      await encodePng(makeImage(width, height, 3, new Uint8Array(width * height * 3).fill(9))),
    );
    writeFileSync(files.mask, await encodePng(mask));
    const reading = {
      channel: "red",
      invert: false,
      say: (message: string) => said.push(message),
      ...options,
    } as const;
    const [loaded] = wholeMasked(await loadMasked([files], reading), reading);
    return { mask: loaded!.mask, said };
  }

  /** As in OpenAI's image edits: opaque where the image is kept. */
  const openAi = makeImage(SIDE, SIDE, 4, Uint8Array.from(left.flatMap((keep) => [255, 255, 255, keep ? 255 : 0])));

  it("made for OpenAI's image edits are detected, and can be read", async () => {
    const { mask, said } = await load(openAi);
    expect(mask).toEqual(left.map(() => true));
    expect(said).toEqual([
      expect.stringMatching(/^mask\.png: its red channel is above 128.*--mask-channel alpha keeps opaque/),
    ]);
    expect(await load(openAi, { channel: "alpha" })).toEqual({ mask: left, said: [] });
    const inverted = await load(openAi, { channel: "alpha", invert: true });
    expect(inverted).toEqual({ mask: left.map((keep) => !keep), said: [] });
  });
});
