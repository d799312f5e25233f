import { encodeImage } from "../../image/encode.js";
import type { Picture } from "../../pipeline/picture.js";
import { recordOf, recordTexts, type DrawnOn } from "../../pipeline/records/image-record.js";
import type { DrawingFlags } from "./options.js";
import type { PlannedPicture } from "./plan.js";
import { placeFile } from "./place-file.js";
import { describeSeed, seedOf, type Seeded } from "./seeds.js";

/** What `--json` prints of a picture, beside its inputs. */
export interface PictureReport extends Seeded {
  readonly [input: string]: string | number;
  readonly file: string;
  readonly width: number;
  readonly height: number;
}

/** Writes a picture with its record. */
export async function writePicture(
  picture: Picture,
  { name, inputs }: PlannedPicture,
  drawnOn: DrawnOn,
  { format, outputPath, overwrite = false }: Pick<DrawingFlags, "outputPath" | "format" | "overwrite">,
): Promise<PictureReport> {
  const { width, height } = picture;
  const text = recordTexts(recordOf(picture, inputs, drawnOn), String(inputs.prompt ?? name));
  const bytes = await encodeImage(picture, { format, text });
  const extension = format === "jpeg" ? "jpg" : format;
  const file = placeFile(outputPath, `${name}.${extension}`, bytes, { overwrite });
  return { ...inputs, file, ...seedOf(picture), width, height };
}

/** A report as a line of text. */
export function reportLine(report: PictureReport): string {
  return `${report.file}  (${describeSeed(report)})`;
}
