import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "#platform";
import { Dalle2Error } from "../../src/platform/dalle2-error.js";
import { imageKind } from "../../src/platform/image-kind.js";

const bytesOf = (text: string) => Uint8Array.from(text, (letter) => letter.charCodeAt(0));
const noise = await sharp({
  create: { width: 64, height: 64, channels: 3, background: "red", noise: { type: "gaussian", mean: 128, sigma: 40 } },
})
  .raw()
  .toBuffer();
const raw = sharp(noise, { raw: { width: 64, height: 64, channels: 3 } });
const svg = '<?xml version="1.0"?>\n<!-- a ring -->\n<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"/>';

const files = {
  PNG: await raw.clone().png().toBuffer(),
  JPEG: await raw.clone().jpeg().toBuffer(),
  WebP: await raw.clone().webp().toBuffer(),
  GIF: await raw.clone().gif().toBuffer(),
  TIFF: await raw.clone().tiff().toBuffer(),
  AVIF: await raw.clone().avif({ effort: 0 }).toBuffer(),
  SVG: bytesOf(svg),
};

/** The message of the error that bytes are refused with. */
async function refusal(bytes: Uint8Array): Promise<string> {
  const error: unknown = await decodeImage(bytes).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(Dalle2Error);
  return (error as Dalle2Error).message;
}

describe("decodeImage", () => {
  it.each(Object.entries(files))("reads %s files", async (kind, bytes) => {
    expect(imageKind(bytes)).toBe(kind);
    const { width, height, frames } = await decodeImage(bytes);
    expect({ width, height, frames }).toEqual({ width: 64, height: 64, frames: undefined });
  });

  it("says how many frames a file has, and gives the first", async () => {
    const stack = sharp(noise, { raw: { width: 64, height: 64, channels: 3, pageHeight: 16 } });
    const { width, height, frames } = await decodeImage(await stack.gif().toBuffer());
    expect({ width, height, frames }).toEqual({ width: 64, height: 16, frames: 4 });
  });

  it("says the size of an image that is too large, and the limit", async () => {
    const bytes = Uint8Array.from(files.JPEG);
    const frame = bytes.findIndex((byte, i) => byte === 0xff && bytes[i + 1] === 0xc0);
    new DataView(bytes.buffer).setUint16(frame + 5, 9000);
    new DataView(bytes.buffer).setUint16(frame + 7, 12000);
    expect(await refusal(bytes)).toBe(
      "the JPEG image has 12000 × 9000 pixels, 108.0 million; the maximum is 67.1 million; resize it",
    );
  });

  it.each([
    ["HEIC", "\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC files are not supported; give a PNG, JPEG or WebP file"],
    ["BMP", "BM\0\0\0\0\0\0\0\0", "BMP files are not supported; give a PNG, JPEG or WebP file"],
    ["PDF", "%PDF-1.7\n", "PDF files are not supported; give a PNG, JPEG or WebP file"],
    ["empty", "", "the file is empty (0 bytes); give a PNG, JPEG or WebP file"],
    ["HTML", "<html>not found</html>", "this is not an image in a known format; give a PNG, JPEG or WebP file"],
  ])("names the format of a file that it cannot read: %s", async (_, text, message) => {
    expect(await refusal(bytesOf(text))).toBe(message);
  });

  it.each(["PNG", "JPEG", "WebP", "GIF", "TIFF"] as const)("reports a truncated %s file", async (kind) => {
    const bytes = files[kind];
    const message = await refusal(bytes.subarray(0, bytes.length / 2));
    expect(message).toMatch(`the ${kind} image cannot be decoded: the file is damaged or truncated (`);
    expect(message).not.toContain("\n");
  });
});
