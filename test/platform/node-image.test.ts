import { describe, expect, it, vi } from "vitest";
import { encodeImage } from "../../src/image/encode.js";
import { makeImage } from "../../src/image/image.js";
import { ImageLibraryError } from "../../src/platform/image-types.js";
import { decodeImage } from "../../src/platform/node.js";

// As on a system for which npm has installed no native part, or with --omit=optional.
vi.mock("sharp", () => {
  throw new Error("Could not load the sharp module using the linux-x64 runtime\nPossible solutions: …");
});

const image = makeImage(2, 2, 3, new Uint8Array(12));

describe("without the native part of sharp", () => {
  it.each([
    ["reading an image", () => decodeImage(new Uint8Array(4))],
    ["writing a JPEG", () => encodeImage(image, { format: "jpeg" })],
    ["writing a WebP", () => encodeImage(image, { format: "webp" })],
  ])("%s says what to install", async (_, call) => {
    const error: unknown = await call().catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(ImageLibraryError);
    expect((error as Error).message).toMatch(
      /^the library sharp, which reads and writes images, cannot be loaded on \S+-\S+; install it .*npm install --include=optional sharp/,
    );
  });

  it("PNG files are written", async () => {
    await expect(encodeImage(image)).resolves.toBeInstanceOf(Uint8Array);
  });
});
