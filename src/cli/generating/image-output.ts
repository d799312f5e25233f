import { encodeImage, type ImageFormat } from "../../image/encode.js";
import type { GeneratedImage } from "../../pipeline/generated-image.js";
import { encodeRecorded, type GeneratedOn } from "../../pipeline/records/image-record.js";
import type { GenerationFlags } from "./options.js";
import type { PlannedImage } from "./plan.js";
import { placeFile } from "./place-file.js";
import { describeSeed, seedOf, type Seeded } from "./seeds.js";

/** What `--json` prints for an image, in addition to its inputs. */
export interface ImageReport extends Seeded {
  readonly [input: string]: string | number;
  readonly file: string;
  readonly width: number;
  readonly height: number;
}

/** Writes an image file that contains its record. */
export async function writeImage(
  image: GeneratedImage,
  { name, inputs }: PlannedImage,
  generatedOn: GeneratedOn,
  { format, outputPath, overwrite = false }: Pick<GenerationFlags, "outputPath" | "format" | "overwrite">,
): Promise<ImageReport> {
  const { width, height } = image;
  const description = String(inputs.prompt ?? name);
  const bytes = await encodeRecorded(image, { format, inputs, generatedOn, description });
  const extension = format === "jpeg" ? "jpg" : format;
  const file = placeFile(outputPath, `${name}.${extension}`, bytes, { overwrite });
  return { ...inputs, file, ...seedOf(image), width, height };
}

/** Formats a report as a line of text. */
export function reportLine(report: ImageReport): string {
  return `${report.file}  (${describeSeed(report)})`;
}

/** Rejects with `ImageLibraryError` or `ImageEncodeError` if images cannot be written in a format. */
export async function checkEncoder(format: ImageFormat): Promise<void> {
  await encodeImage({ width: 1, height: 1, channels: 3, data: new Uint8Array(3) }, { format });
}
