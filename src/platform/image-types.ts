import { Dalle2Error } from "./dalle2-error.js";

/** A decoded image: `height` × `width` × 4 bytes, red, green, blue and straight alpha, upright, in sRGB. */
export interface DecodedImage {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Red, green, blue, alpha. */
  readonly channels: 4;
  /** `height` × `width` × 4 values, 0 to 255. */
  readonly data: Uint8Array;
  /** Of an animation or a file of several pages, of which this is the first: how many it has. Browsers do not tell. */
  readonly frames?: number;
}

/** An image to encode: `height` × `width` × `channels` bytes, with straight alpha where there are 4. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly data: Uint8Array;
}

/** Pixels that an image may have: larger ones would take more than 256 MiB, and no model reads them. */
export const MAX_PIXELS = 2 ** 26;

/** Bytes that are no image in a known format, or an image that is too large. */
export class ImageDecodeError extends Dalle2Error {
  static override readonly code = "image/decode";
  override readonly name = "ImageDecodeError";

  static {
    this.register(this);
  }
}

/** An image that cannot be written in the format that was asked for. */
export class ImageEncodeError extends Dalle2Error {
  static override readonly code = "image/encode";
  override readonly name = "ImageEncodeError";

  static {
    this.register(this);
  }
}

/** The native library that reads and writes image files is not installed, or not for this system. */
export class ImageLibraryError extends Dalle2Error {
  static override readonly code = "image/library";
  override readonly name = "ImageLibraryError";

  static {
    this.register(this);
  }
}
