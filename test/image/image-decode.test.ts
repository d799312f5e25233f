import { readFile } from "node:fs/promises";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "#platform";
import { removeAlpha } from "../../src/image/image.js";
import { largestDifference, imageNames, turnedFiles } from "../support/image-files.js";

const files = await imageNames();
const formats = ["png", "jpeg", "webp"] as const;
const turned = await Promise.all(formats.map(turnedFiles));

describe("decodeImage", () => {
  it.each([...files, ...turned.flat()])("reads $name", async ({ bytes, image, tolerance }) => {
    const decoded = await decodeImage(bytes);
    const isOpaque = decoded.data.every((value, i) => i % 4 !== 3 || value === 255);
    expect([decoded.width, decoded.height, isOpaque]).toEqual([image.width, image.height, true]);
    expect(largestDifference(removeAlpha(decoded).data, image.data)).toBeLessThanOrEqual(tolerance);
  });

  it('reads inks like Pillow\'s convert("RGB"), with any profile', async () => {
    const file = new URL("../fixtures/images/cmyk.jpg", import.meta.url);
    const bytes = new Uint8Array(await readFile(file));
    const first = ({ data }: { readonly data: Uint8Array }) => [...data.subarray(0, 8)];
    // From Pillow 12.3.
    const expected = [0, 60, 120, 255, 0, 60, 120, 255];
    expect(first(await decodeImage(bytes))).toEqual(expected);
    // The first segment is Adobe's marker, of 16 bytes. Even without it, inks are stored inverted.
    expect(first(await decodeImage(joined(bytes.subarray(0, 2), bytes.subarray(18))))).toEqual(expected);
    const profile = await sharp(bytes).toColourspace("cmyk").withIccProfile("cmyk").jpeg().toBuffer();
    const segments = profileSegments(profile);
    expect(segments.length).toBeGreaterThan(1000);
    const profiled = joined(bytes.subarray(0, 2), segments, bytes.subarray(2));
    expect((await sharp(profiled).metadata()).hasProfile).toBe(true);
    expect(first(await decodeImage(profiled))).toEqual(expected);
  });
});

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

/** The APP2 segments of a JPEG, which contain its profile. */
function profileSegments(bytes: Uint8Array): Uint8Array {
  const found: Uint8Array[] = [];
  for (let at = 2; bytes[at] === 0xff && bytes[at + 1] !== 0xda;) {
    const length = 2 + ((bytes[at + 2]! << 8) | bytes[at + 3]!);
    if (bytes[at + 1] === 0xe2) found.push(bytes.subarray(at, at + length));
    at += length;
  }
  return joined(...found);
}
