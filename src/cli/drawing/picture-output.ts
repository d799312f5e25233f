import { encodeImage } from "../../image/encode.js";
import type { Picture } from "../../pipeline/picture.js";
import type { DrawingFlags } from "./options.js";
import type { PlannedPicture } from "./plan.js";
import { placeFile } from "./place-file.js";
import { recordTexts, type DrawnOn } from "./picture-record.js";

/** What `--json` prints of a picture, beside its inputs. */
export interface PictureReport {
  readonly [input: string]: string | number;
  readonly file: string;
  readonly seed: number;
  readonly width: number;
  readonly height: number;
}

/** Writes a picture with its record. */
export async function writePicture(
  picture: Picture,
  { seed, name, inputs }: PlannedPicture,
  drawnOn: DrawnOn,
  { format, outputPath, overwrite = false }: Pick<DrawingFlags, "outputPath" | "format" | "overwrite">,
): Promise<PictureReport> {
  const { width, height, parameters } = picture;
  const text = recordTexts({ ...drawnOn, seed, inputs, parameters }, String(inputs.prompt ?? name));
  const bytes = await encodeImage(picture, { format, text });
  const extension = format === "jpeg" ? "jpg" : format;
  const file = placeFile(outputPath, `${name}.${extension}`, bytes, { overwrite });
  return { ...inputs, file, seed, width, height };
}
