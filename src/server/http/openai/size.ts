import type { ImageSize } from "../../../pipeline/canvas-options.js";
import type { ServedModelInfo } from "../../jobs/job-runner.js";
import { ServerError } from "../../server-error.js";

/** Whether a model generates images of many sizes. */
export function hasManySizes({ decoder }: Pick<ServedModelInfo, "decoder">): boolean {
  return decoder?.unets[0]?.sizeUnit !== undefined;
}

/** A size as the API writes it. */
export function sizeText({ width, height }: ImageSize): string {
  return `${width}x${height}`;
}

/** Reads a size of at most `maxPixels`; undefined for `auto`. Throws `ServerError` for others. */
export function readSize(text: string | null | undefined, maxPixels: number): ImageSize | undefined {
  if (text == null || text === "auto") return undefined;
  const [, width, height] = /^([1-9]\d{0,4})x([1-9]\d{0,4})$/.exec(text) ?? [];
  if (width === undefined || height === undefined) {
    throw refused(`size must be "auto" or WIDTHxHEIGHT, such as "256x256", not ${JSON.stringify(text.slice(0, 40))}.`);
  }
  const size = { width: Number(width), height: Number(height) };
  checkPixels("size", size, maxPixels);
  return size;
}

/** Throws `ServerError` for a size of more than `maxPixels`. `param` names it. */
export function checkPixels(param: string, size: ImageSize, maxPixels: number): void {
  if (size.width * size.height <= maxPixels) return;
  const message = `${param} ${sizeText(size)} has more than ${maxPixels} pixels, the limit of this server. Ask for a smaller one.`;
  throw refused(message, param);
}

function refused(message: string, param = "size"): ServerError {
  return new ServerError("bad-request", message, { param });
}
