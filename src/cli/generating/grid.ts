import { contactSheet } from "../../image/contact-sheet.js";
import { encodePng } from "../../image/png.js";
import type { RgbImage } from "../../image/image.js";
import { resizeLanczos } from "../../image/pillow-resize.js";
import { recordTexts, type GeneratedOn, type ImageRecord } from "../../pipeline/records/image-record.js";
import { counted } from "../../platform/counted.js";
import type { ImageReport } from "./image-output.js";
import type { GenerationFlags } from "./options.js";
import { placeFile } from "./place-file.js";
import type { PlannedImage } from "./plan.js";
import { nameWithSeed, seedOf } from "./seeds.js";
import { basename } from "node:path";

/** Maximum number of images on a sheet. More images make several sheets. */
const PER_SHEET = 100;
/** Longest side of an image on a sheet, in pixels. Much smaller images are magnified, to leave room for labels. */
const CELL = 256;

/** A sheet that was written, and the files of the images on it. */
export interface Sheet {
  readonly file: string;
  readonly images: readonly string[];
}

interface Cell {
  readonly image: RgbImage;
  readonly label: string;
  readonly report: ImageReport;
}

/** Collects the images of a run and writes them on contact sheets. */
export class Grid {
  readonly #cells: Cell[] = [];

  constructor(
    private readonly generatedOn: GeneratedOn,
    private readonly flags: Pick<GenerationFlags, "outputPath" | "overwrite">,
  ) {}

  /** Adds an image that was written. */
  add(image: RgbImage, report: ImageReport, { name, inputs }: PlannedImage): void {
    this.#cells.push({ image: thumbnail(image), label: String(inputs.prompt ?? name), report });
  }

  /** Writes the sheets as `grid-SEED.png`, with the seed of the first image on each. */
  async write(): Promise<readonly Sheet[]> {
    const sheets: Sheet[] = [];
    for (let start = 0; start < this.#cells.length; start += PER_SHEET) {
      sheets.push(await this.#writeSheet(this.#cells.slice(start, start + PER_SHEET)));
    }
    return sheets;
  }

  async #writeSheet(cells: readonly Cell[]): Promise<Sheet> {
    const columns = Math.ceil(Math.sqrt(cells.length));
    const largest = Math.max(...cells.map(({ image }) => Math.max(image.width, image.height)));
    const sheet = contactSheet(
      cells.map(({ image }) => image),
      { columns, labels: cells.map(({ label }) => label), scale: Math.max(1, Math.floor(CELL / largest)) },
    );
    const images = cells.map(({ report }) => report.file);
    const record = { ...this.generatedOn, ...recordOfSheet(cells, columns) };
    const text = recordTexts(record, `A contact sheet of ${counted(cells.length, "image")}`);
    const name = `${nameWithSeed("grid", cells[0]!.report)}.png`;
    const { outputPath, overwrite = false } = this.flags;
    return { file: placeFile(outputPath, name, await encodePng(sheet, { text }), { overwrite }), images };
  }
}

/** The record of a sheet: the files on it, each of which has its own record. */
function recordOfSheet(cells: readonly Cell[], columns: number): Pick<ImageRecord, "seed" | "parameters" | "inputs"> {
  const inputs = cells.map(({ report }, i) => [`image ${i + 1}`, basename(report.file)] as const);
  return {
    ...seedOf(cells[0]!.report),
    inputs: Object.fromEntries(inputs),
    parameters: { script: "ContactSheet", columns },
  };
}

/** The `grid` field of an image's report: the sheet that shows it. */
export function gridOf({ file }: ImageReport, sheets: readonly Sheet[] = []): { readonly grid?: string } {
  const sheet = sheets.find(({ images }) => images.includes(file));
  return sheet ? { grid: sheet.file } : {};
}

function thumbnail(image: RgbImage): RgbImage {
  const scale = CELL / Math.max(image.width, image.height);
  if (scale >= 1) return image;
  return resizeLanczos(
    image,
    Math.max(1, Math.round(image.width * scale)),
    Math.max(1, Math.round(image.height * scale)),
  );
}
