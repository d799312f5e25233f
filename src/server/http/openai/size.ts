import { ServerError } from "../../server-error.js";

/** Width and height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A size as the API writes it. */
export function sizeText({ width, height }: Size): string {
  return `${width}x${height}`;
}

/** Reads a size of at most `maxPixels`; undefined for `auto`. Throws `ServerError` for others. */
export function readSize(text: string | null | undefined, maxPixels: number): Size | undefined {
  if (text == null || text === "auto") return undefined;
  const [, width, height] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text) ?? [];
  if (width === undefined || height === undefined) {
    throw refused(`size must be "auto" or WIDTHxHEIGHT, such as "256x256", not ${JSON.stringify(text.slice(0, 40))}.`);
  }
  const size = { width: Number(width), height: Number(height) };
  if (size.width * size.height > maxPixels) {
    throw refused(`size ${text} has more than ${maxPixels} pixels, the limit of this server. Ask for a smaller one.`);
  }
  return size;
}

function refused(message: string): ServerError {
  return new ServerError("bad-request", message, { param: "size" });
}
