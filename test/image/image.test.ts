import { ArgumentError } from "../../src/platform/arguments.js";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "#platform";
import { contactSheet } from "../../src/image/contact-sheet.js";
import { drawText } from "../../src/image/font.js";
import { centerCropToSquare, fromPlanes, makeImage, removeAlpha, toPlanes } from "../../src/image/image.js";
import { maskFromRed } from "../../src/image/mask.js";
import type { RgbImage } from "../../src/image/image.js";
import { encodePng } from "../../src/image/png.js";
import { ImageDecodeError } from "../../src/platform/image-types.js";

/** Pixels that filters and compression do not make trivial. */
function noise(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 24) ^ (i % 7));
}

const rgb = makeImage(5, 3, 3, noise(45));
const rgba = makeImage(3, 5, 4, noise(60));

describe("PNG", () => {
  it.each([rgb, rgba, makeImage(1, 1, 3, Uint8Array.of(1, 2, 3))])(
    "reads back what it wrote: $width × $height",
    async (image) => {
      const { data, info } = await sharp(await encodePng(image))
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect(info).toMatchObject({ width: image.width, height: image.height, channels: image.channels });
      expect(new Uint8Array(data)).toEqual(image.data);
    },
  );

  it("contains texts, and has the same bytes every time", async () => {
    const text = { Description: "a red circle, naïve", Software: "test" };
    const bytes = await encodePng(rgb, { text });
    const { comments } = await sharp(bytes).metadata();
    expect(comments).toEqual([
      { keyword: "Description", text: "a red circle, naïve" },
      { keyword: "Software", text: "test" },
    ]);
    expect(await encodePng(rgb, { text })).toEqual(bytes);
  });

  it.each(["", "x".repeat(80), "a\0b"])("refuses the keyword %j", async (keyword) => {
    await expect(encodePng(rgb, { text: { [keyword]: "" } })).rejects.toThrow(/is not a PNG keyword/);
  });
});

const truncated = (await encodePng(makeImage(64, 64, 3, noise(12288)))).slice(0, 2000);

describe("decodeImage", () => {
  it("returns the exact pixels of a PNG with alpha", async () => {
    expect(await decodeImage(await encodePng(rgba))).toEqual(rgba);
  });

  it("adds an opaque alpha to an image without one", async () => {
    const decoded = await decodeImage(await encodePng(rgb));
    expect(removeAlpha(decoded)).toEqual(rgb);
    expect(decoded.data.filter((_, i) => i % 4 === 3).every((alpha) => alpha === 255)).toBe(true);
  });

  it("reads grey and 16-bit images as 8-bit colours", async () => {
    const grey = sharp({ create: { width: 2, height: 2, channels: 3, background: "#808080" } }).toColourspace("grey16");
    const { data } = await decodeImage(await grey.png().toBuffer());
    expect([...data.subarray(0, 4)]).toEqual([128, 128, 128, 255]);
  });

  it("rotates a photograph upright", async () => {
    const raw = sharp(rgb.data, { raw: { width: 5, height: 3, channels: 3 } });
    const decoded = await decodeImage(await raw.withMetadata({ orientation: 6 }).jpeg().toBuffer());
    expect([decoded.width, decoded.height]).toEqual([3, 5]);
  });

  it.each([
    ["nothing", new Uint8Array(0)],
    ["no image", new TextEncoder().encode("<html>not found</html>")],
    ["a truncated one", truncated],
  ])("refuses %s", async (_, bytes) => {
    await expect(decodeImage(bytes)).rejects.toThrow(ImageDecodeError);
  });

  it("refuses an image that claims to be huge before decoding it", async () => {
    const bytes = await encodePng(makeImage(1, 1, 3, new Uint8Array(3)));
    new DataView(bytes.buffer).setUint32(16, 100_000);
    new DataView(bytes.buffer).setUint32(20, 100_000);
    await expect(decodeImage(bytes)).rejects.toThrow(ImageDecodeError);
  });
});

describe("centerCropToSquare", () => {
  const column = (image: RgbImage, x: number) => image.data[x * 3];

  it("keeps the middle of a wide image, with the extra column on the right", () => {
    const wide = makeImage(
      5,
      2,
      3,
      Uint8Array.from({ length: 30 }, (_, i) => Math.floor(i / 3) % 5),
    );
    const square = centerCropToSquare(wide);
    expect([square.width, square.height]).toEqual([2, 2]);
    expect([column(square, 0), column(square, 1)]).toEqual([1, 2]);
  });

  it("keeps the middle of a tall image", () => {
    const square = centerCropToSquare(rgba);
    expect(square.data).toEqual(rgba.data.slice(12, 48));
  });
});

describe("values", () => {
  it("masks by red above 128", () => {
    const mask = makeImage(3, 1, 4, Uint8Array.of(128, 255, 255, 255, 129, 0, 0, 0, 255, 0, 0, 255));
    expect(maskFromRed(mask)).toEqual([false, true, true]);
  });

  it("truncates fractions and clamps", () => {
    const values = Float32Array.of(0.5, 1, -0.2, 1.01, 0.999, 0.004);
    const [image] = fromPlanes(values, [1, 3, 1, 2]);
    expect([...image!.data]).toEqual([127, 0, 254, 255, 255, 1]);
  });

  it("converts every image of a batch", () => {
    const planes = [rgb, makeImage(5, 3, 3, noise(45).reverse())].map(toPlanes);
    // 127/255 in float32 gives 126.99…, which the reference truncates. So the test adds a small amount.
    const batch = Float32Array.from(
      planes.flatMap((values) => [...values]),
      (value) => value + 1e-4,
    );
    expect(fromPlanes(batch, [2, 3, 3, 5]).map(({ data }) => [...data])).toEqual([
      [...rgb.data],
      [...noise(45).reverse()],
    ]);
  });

  it("refuses the wrong number of pixels", () => {
    expect(() => makeImage(2, 2, 3, new Uint8Array(11))).toThrow(ArgumentError);
    expect(() => fromPlanes(new Float32Array(12), [1, 4, 1, 3])).toThrow(ArgumentError);
  });
});

describe("contactSheet", () => {
  const red = makeImage(
    40,
    20,
    3,
    new Uint8Array(2400).map((_, i) => (i % 3 === 0 ? 255 : 0)),
  );
  const pixel = (sheet: RgbImage, x: number, y: number) => [
    ...sheet.data.slice((y * sheet.width + x) * 3).subarray(0, 3),
  ];
  const countInk = (sheet: RgbImage) => sheet.data.filter((value) => value === 40).length / 3;

  it("puts images in rows with a margin", () => {
    const sheet = contactSheet([red, red, red], { columns: 2 });
    expect([sheet.width, sheet.height]).toEqual([12 + 2 * 52, 12 + 2 * 32]);
    expect(pixel(sheet, 12, 12)).toEqual([255, 0, 0]);
    expect(pixel(sheet, 11, 12)).toEqual([255, 255, 255]);
    expect(pixel(sheet, 12 + 52, 12)).toEqual([255, 0, 0]);
    expect(pixel(sheet, 12, 12 + 32)).toEqual([255, 0, 0]);
    expect(pixel(sheet, 12 + 52, 12 + 32)).toEqual([255, 255, 255]);
  });

  it("enlarges by whole pixels", () => {
    const dots = makeImage(2, 1, 3, Uint8Array.of(9, 9, 9, 80, 80, 80));
    const sheet = contactSheet([dots], { columns: 3, scale: 4 });
    expect([sheet.width, sheet.height]).toEqual([24 + 8, 24 + 4]);
    expect([12, 15, 16, 19].map((x) => pixel(sheet, x, 14)[0])).toEqual([9, 9, 80, 80]);
  });

  it("wraps labels at the image's width: 6 characters in 40 pixels", () => {
    const height = (label: string) => contactSheet([red], { columns: 1, labels: [label] }).height - 12 - 32;
    expect(height("")).toBe(0);
    expect(height("a cat")).toBe(6 + 10);
    expect(height("a cat sat")).toBe(6 + 20);
    expect(height("hippopotamus")).toBe(6 + 20);
  });

  it("draws a label only below its image", () => {
    const sheet = contactSheet([red, red], { columns: 2, labels: ["", "i"] });
    expect(countInk(sheet)).toBeGreaterThan(5);
    const left = Array.from({ length: 64 }, (_, x) => x);
    expect(left.some((x) => Array.from({ length: sheet.height }, (_, y) => pixel(sheet, x, y)[0]).includes(40))).toBe(
      false,
    );
  });

  it("refuses an empty sheet", () => {
    expect(() => contactSheet([], { columns: 2 })).toThrow(ArgumentError);
    expect(() => contactSheet([red], { columns: 0 })).toThrow(ArgumentError);
  });
});

describe("drawText", () => {
  function draw(text: string): string {
    const image = makeImage(text.length * 6, 8, 3, new Uint8Array(text.length * 6 * 24));
    drawText(image, text, 0, 0, [1, 1, 1]);
    const rows = Array.from({ length: 8 }, (_, y) =>
      Array.from({ length: image.width }, (_, x) => (image.data[(y * image.width + x) * 3] ? "#" : ".")).join(""),
    );
    return rows.join("\n");
  }

  it("draws letters", () => {
    expect(draw("Ag")).toMatchInlineSnapshot(`
      ".###........
      #...#..####.
      #...#.#...#.
      #...#.#...#.
      #####..####.
      #...#.....#.
      #...#..###..
      ............"
    `);
  });

  it("draws every ASCII character differently", () => {
    const characters = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i));
    expect(new Set(characters.map(draw)).size).toBe(95);
  });

  it("drops accents, draws a box for unknown characters, and ignores pixels outside the image", () => {
    expect(draw("é")).toBe(draw("e"));
    expect(draw("字")).not.toBe(draw(" "));
    const image = makeImage(2, 2, 3, new Uint8Array(12));
    drawText(image, "WWW", -7, -3, [1, 1, 1]);
    expect(image.data.some((value) => value === 1)).toBe(true);
  });
});
