import fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { checkImage } from "../../../src/server/guard/check-image.js";
import { readImageHeader } from "../../../src/server/guard/image-size.js";

const picture = (width: number, height: number): Sharp =>
  sharp({ create: { width, height, channels: 4, background: { r: 9, g: 80, b: 200, alpha: 0.5 } } });

const WRITERS: Readonly<Record<string, (image: Sharp) => Sharp>> = {
  PNG: (image) => image.png(),
  "JPEG, baseline": (image) => image.jpeg(),
  "JPEG, progressive with EXIF": (image) =>
    image.withExif({ IFD0: { Copyright: "c".repeat(3000) } }).jpeg({ progressive: true }),
  "WebP, lossy": (image) => image.flatten().webp(),
  "WebP, lossless": (image) => image.webp({ lossless: true }),
  "WebP, with alpha": (image) => image.webp(),
};

describe.each(Object.entries(WRITERS))("the header of %s", (kind, write) => {
  it.each([
    [1, 1],
    [37, 250],
    [300, 2],
  ])("has the size %i × %i", async (width, height) => {
    const bytes = new Uint8Array(await write(picture(width, height)).toBuffer());
    expect(readImageHeader(bytes)).toEqual({ kind: kind.split(",")[0], width, height });
  });

  it("says nothing if it is cut off, and never throws", async () => {
    const bytes = new Uint8Array(await write(picture(20, 30)).toBuffer());
    for (let length = 0; length < Math.min(bytes.length, 4000); length++) {
      const header = readImageHeader(bytes.subarray(0, length));
      if (header) expect([header.width, header.height]).toEqual([20, 30]);
    }
    expect(readImageHeader(bytes.subarray(0, 10))).toBeUndefined();
  });

  it("never throws if it is damaged", async () => {
    const bytes = new Uint8Array(await write(picture(20, 30)).toBuffer());
    const damage = fc.array(fc.tuple(fc.nat(Math.min(bytes.length, 200) - 1), fc.nat(255)), { minLength: 1 });
    fc.assert(
      fc.property(damage, (changes) => {
        const damaged = bytes.slice();
        for (const [at, value] of changes) damaged[at] = value;
        readImageHeader(damaged);
      }),
      { numRuns: 300 },
    );
  });
});

describe("an uploaded image", () => {
  it("may have as many pixels as allowed", async () => {
    const bytes = await picture(100, 100).png().toBuffer();
    expect(() => {
      checkImage(bytes, "image", 10_000);
    }).not.toThrow();
    expect(() => {
      checkImage(bytes, "image", 9_999);
    }).toThrow(expect.objectContaining({ code: "too-large", param: "image" }));
  });

  it("is refused by its header alone: a bomb is not decoded", async () => {
    const bytes = await picture(8, 8).png().toBuffer();
    bytes.writeUInt32BE(60_000, 16);
    bytes.writeUInt32BE(60_000, 20);
    expect(() => {
      checkImage(bytes, "mask", 2 ** 24);
    }).toThrow("mask is a PNG image of 60000 × 60000 pixels; the maximum is 16777216 pixels: resize it");
  });

  it.each([
    ["a GIF", Buffer.from("GIF89a\x01\0\x01\0\x80\0\0\0\0\0\0\0\0")],
    ["an SVG", Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>')],
    ["no image", Buffer.from("hello")],
    ["empty", Buffer.alloc(0)],
  ])("is PNG, JPEG or WebP; %s is refused", (_, bytes) => {
    expect(() => {
      checkImage(bytes, "image", 100);
    }).toThrow(expect.objectContaining({ code: "bad-request", param: "image" }));
  });
});
