import { ArgumentError } from "../../src/platform/arguments.js";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "#platform";
import { encodeImage, readImageText, type ImageFormat } from "../../src/image/encode.js";
import { makeImage, removeAlpha } from "../../src/image/image.js";
import { readPngText } from "../../src/image/png-text.js";
import { readXmp, xmpPacket } from "../../src/image/xmp.js";
import { ImageDecodeError } from "../../src/platform/image-types.js";
import { crc32 } from "../support/zip.js";

const smooth = makeImage(
  33,
  17,
  3,
  Uint8Array.from({ length: 33 * 17 * 3 }, (_, i) => 40 + Math.floor(i / 3 / 33) * 8 + (i % 3) * 20),
);
const record = { Description: 'naïve <red> & "blue" 円 \ud83d\ude00\r\n\tcircle', dalle2: JSON.stringify({ seed: 7 }) };
const utf8 = (text: string) => new TextEncoder().encode(text);
const latin1 = (text: string) => Buffer.from(text, "latin1");

/** A PNG of one pixel with a chunk before its end, built independently of the code under test. */
async function pngWith(type: string, data: Uint8Array): Promise<Uint8Array> {
  const png = await sharp({ create: { width: 1, height: 1, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  const body = Buffer.concat([latin1(type), data]);
  const frame = Buffer.alloc(body.length + 8);
  frame.writeUInt32BE(data.length, 0);
  body.copy(frame, 4);
  frame.writeUInt32BE(crc32(body), body.length + 4);
  return Buffer.concat([png.subarray(0, 33), frame, png.subarray(33)]);
}

describe("texts in images", () => {
  it.each<ImageFormat>(["png", "jpeg", "webp"])("are read from %s as they were written", async (format) => {
    const file = await encodeImage(smooth, { format, text: record });
    expect(Object.fromEntries(await readImageText(file))).toEqual(record);
    expect((await sharp(file).metadata()).format).toBe(format);
  });

  it.each<ImageFormat>(["png", "jpeg", "webp"])("change no pixel of %s", async (format) => {
    const [bare, told] = await Promise.all([
      encodeImage(smooth, { format }),
      encodeImage(smooth, { format, text: record }),
    ]);
    expect(await decodeImage(told)).toEqual(await decodeImage(bare));
    expect((await readImageText(bare)).size).toBe(0);
  });

  it("are XMP that other programs find in JPEG and WebP files", async () => {
    for (const format of ["jpeg", "webp"] as const) {
      const { xmp } = await sharp(await encodeImage(smooth, { format, text: record })).metadata();
      expect(new Uint8Array(xmp!)).toEqual(xmpPacket(record));
    }
  });

  it("extend WebP files with transparency", async () => {
    const half = makeImage(
      4,
      4,
      4,
      Uint8Array.from({ length: 64 }, (_, i) => (i % 4 === 3 ? 16 * Math.floor(i / 4) : 200)),
    );
    for (const quality of [50, 100]) {
      const file = await encodeImage(half, { format: "webp", quality, text: record });
      expect(await readImageText(file)).toEqual(new Map(Object.entries(record)));
      const { data } = await decodeImage(file);
      expect(data.filter((_, i) => i % 4 === 3)).toEqual(half.data.filter((_, i) => i % 4 === 3));
    }
  });

  it("replace characters that XML does not allow", () => {
    expect(readXmp(xmpPacket({ a: "x\0\u001by" })).get("a")).toBe("x\ufffd\ufffdy");
  });

  it("must fit into a segment of a JPEG file", async () => {
    const text = { a: "x".repeat(66_000) };
    await expect(encodeImage(smooth, { format: "jpeg", text })).rejects.toThrow(/65533 bytes.*Use PNG/);
    expect((await readImageText(await encodeImage(smooth, { format: "webp", text }))).get("a")).toBe(text.a);
  });
});

describe("encodeImage", () => {
  it("writes lossless WebP for quality 100, and larger files for higher quality", async () => {
    const exact = await encodeImage(smooth, { format: "webp", quality: 100 });
    expect(removeAlpha(await decodeImage(exact))).toEqual(smooth);
    for (const format of ["jpeg", "webp"] as const) {
      const [poor, good] = await Promise.all([5, 95].map((quality) => encodeImage(smooth, { format, quality })));
      expect(poor!.length).toBeLessThan(good!.length);
    }
  });

  it("drops the alpha channel in JPEG, and nothing else", async () => {
    const clear = makeImage(
      8,
      8,
      4,
      new Uint8Array(256).map((_, i) => (i % 4 === 3 ? 0 : 90)),
    );
    const { data } = await decodeImage(await encodeImage(clear, { format: "jpeg", quality: 100 }));
    expect([...data.subarray(0, 4)]).toEqual([90, 90, 90, 255]);
  });

  it.each([0, 101, 50.5, NaN])("refuses quality %s", async (quality) => {
    await expect(encodeImage(smooth, { format: "jpeg", quality })).rejects.toThrow(ArgumentError);
  });
});

describe("readPngText", () => {
  const zlib = (text: Uint8Array) => deflateSync(text);

  it.each([
    ["tEXt", Buffer.concat([latin1("Title\0"), latin1("caf\xe9 \x80")]), "caf\xe9 \x80"],
    ["tEXt", latin1("Title\0"), ""],
    ["zTXt", Buffer.concat([latin1("Title\0\0"), zlib(latin1("caf\xe9".repeat(100)))]), "caf\xe9".repeat(100)],
    ["iTXt", Buffer.concat([latin1("Title\0\0\0en\0Titel\0"), utf8("円")]), "円"],
    ["iTXt", Buffer.concat([latin1("Title\0\x01\0\0\0"), zlib(utf8("円".repeat(100)))]), "円".repeat(100)],
  ])("reads %s", async (type, data, text) => {
    expect(await readPngText(await pngWith(type, data))).toEqual(new Map([["Title", text]]));
  });

  it("returns the first of two texts with the same keyword, and ignores other chunks", async () => {
    const twice = await pngWith("tEXt", latin1("a\0first"));
    const second = await pngWith("tEXt", latin1("a\0second"));
    const png = Buffer.concat([twice.subarray(0, 33 + 19), second.subarray(33)]);
    expect(await readPngText(png)).toEqual(new Map([["a", "first"]]));
    expect((await readPngText(await pngWith("prIv", utf8("a\0b")))).size).toBe(0);
  });

  it.each([
    ["no zero after the keyword", "tEXt", latin1("Title")],
    ["no zero after the language", "iTXt", latin1("Title\0\0\0en")],
    ["no compression method", "zTXt", latin1("Title\0")],
    ["an unknown compression method", "zTXt", latin1("Title\0\x05abc")],
    ["invalid compressed data", "zTXt", latin1("Title\0\0abcdef")],
    ["truncated compressed data", "zTXt", Buffer.concat([latin1("T\0\0"), zlib(utf8("abcdef")).subarray(0, 8)])],
    ["a text that is not UTF-8", "iTXt", latin1("Title\0\0\0\0\0\xff\xfe")],
    ["a bomb", "zTXt", Buffer.concat([latin1("T\0\0"), zlib(new Uint8Array(5 * 2 ** 20))])],
  ])("refuses %s", async (_, type, data) => {
    await expect(readPngText(await pngWith(type, data))).rejects.toThrow(ImageDecodeError);
  });

  it("refuses a wrong checksum", async () => {
    const png = await pngWith("tEXt", latin1("Title\0text"));
    png[33 + 8 + 7]! ^= 1;
    await expect(readPngText(png)).rejects.toThrow(/checksum of its tEXt chunk at byte 33/);
  });

  it("refuses every truncated file with the same error", async () => {
    const png = await encodeImage(smooth, { text: record });
    for (let length = 0; length < png.length; length++)
      await expect(readPngText(png.subarray(0, length))).rejects.toThrow(ImageDecodeError);
  });

  it("reads or refuses a file with any changed byte", async () => {
    const png = await encodeImage(makeImage(1, 1, 3, new Uint8Array(3)), { text: record });
    for (let at = 0; at < png.length; at++) {
      const changed = png.slice();
      changed[at]! ^= 0xff;
      const outcome = await readPngText(changed).catch((error: unknown) => error);
      expect(outcome instanceof Map || outcome instanceof ImageDecodeError).toBe(true);
    }
  });
});

it("readImageText refuses bytes that are not an image", async () => {
  for (const bytes of [new Uint8Array(0), utf8("RIFF1234WAVE"), utf8("<html>")])
    await expect(readImageText(bytes)).rejects.toThrow(/not a PNG, JPEG or WebP/);
});
