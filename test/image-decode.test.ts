import { describe, expect, it } from "vitest";
import { decodeImage } from "#platform";
import { removeAlpha } from "../src/image/image.js";
import { largestDifference, pictureFiles, turnedFiles } from "./support/picture-files.js";

const files = await pictureFiles();
const formats = ["png", "jpeg", "webp"] as const;
const turned = await Promise.all(formats.map(turnedFiles));

describe("decodeImage", () => {
  it.each([...files, ...turned.flat()])("reads $name", async ({ bytes, image, tolerance }) => {
    const decoded = await decodeImage(bytes);
    const isOpaque = decoded.data.every((value, i) => i % 4 !== 3 || value === 255);
    expect([decoded.width, decoded.height, isOpaque]).toEqual([image.width, image.height, true]);
    expect(largestDifference(removeAlpha(decoded).data, image.data)).toBeLessThanOrEqual(tolerance);
  });
});
