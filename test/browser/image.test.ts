import { afterAll, beforeAll, expect, it } from "vitest";
import { decodeImage } from "#platform";
import { encodeImage, readImageText, type ImageFormat } from "../../src/image/encode.js";
import { centerCropToSquare, makeImage, removeAlpha, type Image, type RgbImage } from "../../src/image/image.js";
import { resizeBicubic, resizeLanczos } from "../../src/image/pillow-resize.js";
import type * as Api from "../../src/index.js";
import { largestDifference, imageNames, turnedFiles } from "../support/image-files.js";
import { inEachBrowser } from "./browsers.js";
import { openTests, type OpenTests } from "./open-tests.js";

declare global {
  // page.ts sets this in the browser.
  var api: typeof Api;
}

const files = await imageNames();
// Chromium ignores the EXIF orientation of WebP.
const turned = await Promise.all((["png", "jpeg"] as const).map(turnedFiles));
const text = { Description: "a naïve red circle 円" };

// Pixels that no filter compresses well; height and width differ by an odd number.
const noise = Uint8Array.from({ length: 20 * 31 * 3 }, (_, i) => (Math.imul(i + 1, 2654435761) >>> 24) ^ (i % 7));
const tall = makeImage(20, 31, 3, noise);

/** An image as JSON, between Node and the page. */
type Wire = Omit<Image, "data"> & { data: number[] };

function received({ width, height, channels, data }: Wire): Image {
  return { width, height, channels, data: Uint8Array.from(data) };
}

inEachBrowser("images", (known) => {
  let open: OpenTests;

  beforeAll(async () => {
    open = await openTests(known);
  });

  afterAll(() => open.close());

  async function decodeThere(bytes: Uint8Array): Promise<RgbImage> {
    const decoded = await open.page.evaluate(
      async (sent): Promise<Wire> => {
        const image = await api.decodeImage(Uint8Array.from(sent));
        return { ...image, data: [...image.data] };
      },
      [...bytes],
    );
    return removeAlpha(received(decoded));
  }

  async function encodeThere(image: Image, format: ImageFormat, quality: number): Promise<Uint8Array> {
    const sent = { ...image, data: [...image.data] };
    const file = await open.page.evaluate(
      async ({ sent, format, quality, text }) => {
        const image = { ...sent, data: Uint8Array.from(sent.data) } as Api.Image;
        return [...(await api.encodeImage(image, { format, quality, text }))];
      },
      { sent, format, quality, text },
    );
    return Uint8Array.from(file);
  }

  it.each([...files, ...turned.flat()])("are read: $name", async ({ bytes, image, tolerance }) => {
    const decoded = await decodeThere(bytes);
    expect([decoded.width, decoded.height]).toEqual([image.width, image.height]);
    expect(largestDifference(decoded.data, image.data)).toBeLessThanOrEqual(tolerance);
  });

  it("are rejected if they are no images", async () => {
    const name = await open.page.evaluate(
      () =>
        api.decodeImage(new Uint8Array(100)).then(
          () => "",
          (error: unknown) => (error as Error).name,
        ),
      undefined,
    );
    expect(name).toBe("ImageDecodeError");
  });

  it("are cropped and resized to the same bytes as in Node", async () => {
    const there = await open.page.evaluate(
      async (sent): Promise<Wire[]> => {
        const square = api.centerCropToSquare(api.removeAlpha(await api.decodeImage(Uint8Array.from(sent))));
        const sizes = [api.resizeLanczos(square, 7, 7), api.resizeBicubic(square, 64, 33)];
        return [square, ...sizes].map((image) => ({ ...image, data: [...image.data] }));
      },
      [...(await encodeImage(tall))],
    );
    const square = centerCropToSquare(tall);
    expect(there.map(received)).toEqual([square, resizeLanczos(square, 7, 7), resizeBicubic(square, 64, 33)]);
  });

  it("are written as PNG with the pixels and texts of Node's", async () => {
    const file = await encodeThere(tall, "png", 90);
    expect(removeAlpha(await decodeImage(file))).toEqual(tall);
    expect(Object.fromEntries(await readImageText(file))).toEqual(text);
  });

  it.each([
    ["jpeg", 100, 4],
    ["webp", 100, 0],
    ["webp", 90, 16],
  ] as const)("are written as %s of quality %i, with texts", async (format, quality, tolerance) => {
    const { image } = files[0]!;
    const file = await encodeThere(image, format, quality);
    expect(largestDifference(removeAlpha(await decodeImage(file)).data, image.data)).toBeLessThanOrEqual(tolerance);
    expect(Object.fromEntries(await readImageText(file))).toEqual(text);
  });
});
