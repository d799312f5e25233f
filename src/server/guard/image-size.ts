// The size of an image by the first bytes of its file, before anything is decoded.
import { imageKind } from "../../platform/image-kind.js";

/** What the header of an image file says. */
export interface ImageHeader {
  readonly kind: "PNG" | "JPEG" | "WebP";
  readonly width: number;
  readonly height: number;
}

/** Reads the header of a PNG, JPEG or WebP file. Undefined if it has another format, or no header that says its size. */
export function readImageHeader(bytes: Uint8Array): ImageHeader | undefined {
  const kind = imageKind(bytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size =
    kind === "PNG" ? pngSize(view) : kind === "JPEG" ? jpegSize(view) : kind === "WebP" ? webpSize(view) : undefined;
  if (!size || size[0] === 0 || size[1] === 0) return undefined;
  return { kind: kind as ImageHeader["kind"], width: size[0], height: size[1] };
}

type Size = readonly [width: number, height: number];

const fourLetters = (view: DataView, at: number): string =>
  String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, 4));

/** The first chunk of a PNG is IHDR, which begins with the size. */
function pngSize(view: DataView): Size | undefined {
  if (view.byteLength < 24 || fourLetters(view, 12) !== "IHDR") return undefined;
  return [view.getUint32(16), view.getUint32(20)];
}

/** The size is in the frame header (SOF, ITU-T T.81 B.2.2), behind segments that say their length. */
function jpegSize(view: DataView): Size | undefined {
  for (let at = 2; at + 9 <= view.byteLength;) {
    if (view.getUint8(at) !== 0xff) return undefined;
    const marker = view.getUint8(at + 1);
    // Any number of 0xff may stand before a marker.
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    if (isFrame(marker)) return [view.getUint16(at + 7), view.getUint16(at + 5)];
    // Entropy-coded data, or the end of the image, before any frame.
    if (marker === 0xda || marker === 0xd9) return undefined;
    at += hasNoLength(marker) ? 2 : 2 + view.getUint16(at + 2);
  }
  return undefined;
}

/** SOF0 to SOF15, without DHT, JPG and DAC, which have numbers among them. */
const isFrame = (marker: number): boolean => marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);

/** TEM, RST0 to RST7, and SOI. */
const hasNoLength = (marker: number): boolean => marker === 1 || (marker >= 0xd0 && marker <= 0xd8);

/** RFC 9649: extended (VP8X, the size of the canvas), lossless (VP8L) or lossy (VP8). */
function webpSize(view: DataView): Size | undefined {
  if (view.byteLength < 30) return undefined;
  switch (fourLetters(view, 12)) {
    case "VP8X":
      return [uint24(view, 24) + 1, uint24(view, 27) + 1];
    case "VP8L": {
      if (view.getUint8(20) !== 0x2f) return undefined;
      const bits = view.getUint32(21, true);
      return [(bits & 0x3fff) + 1, ((bits >>> 14) & 0x3fff) + 1];
    }
    case "VP8 ":
      // Behind the frame tag and the start code. The two highest bits are a scale for display.
      return [view.getUint16(26, true) & 0x3fff, view.getUint16(28, true) & 0x3fff];
    default:
      return undefined;
  }
}

const uint24 = (view: DataView, at: number): number => view.getUint16(at, true) + view.getUint8(at + 2) * 65536;
