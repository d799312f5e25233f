import { ArgumentError } from "../platform/arguments.js";
import { CHARACTER_WIDTH, drawText, LINE_HEIGHT, plainCharacters } from "./font.js";
import type { RgbImage } from "./image.js";

const MARGIN = 12;
const LABEL_GAP = 6;
const BACKGROUND = 255;
const TEXT_COLOUR = [40, 40, 40] as const;

export interface ContactSheetOptions {
  readonly columns: number;
  /** A label below each image, wrapped at the width of a cell. */
  readonly labels?: readonly string[];
  /** Factor by which images are enlarged, a whole number. Default 1. */
  readonly scale?: number;
}

/**
 * Arranges images in rows on a white background, with a label below each. Cells fit the largest image and the longest
 * label. Throws ArgumentError if there are no images, or if columns or scale are not whole numbers above 0.
 */
export function contactSheet(images: readonly RgbImage[], options: ContactSheetOptions): RgbImage {
  const { columns, labels = [], scale = 1 } = options;
  if (images.length === 0 || !isCount(columns) || !isCount(scale)) {
    throw new ArgumentError(
      "images",
      `A contact sheet needs at least 1 image, 1 column and scale 1, got ${images.length} images, ${columns} columns and scale ${scale}.`,
    );
  }
  const cellWidth = Math.max(...images.map(({ width }) => width)) * scale;
  const imageHeight = Math.max(...images.map(({ height }) => height)) * scale;
  const lines = images.map((_, i) => wrap(labels[i] ?? "", Math.floor(cellWidth / CHARACTER_WIDTH)));
  const lineCount = Math.max(...lines.map(({ length }) => length));
  const cellHeight = imageHeight + (lineCount > 0 ? LABEL_GAP + lineCount * LINE_HEIGHT : 0);
  const usedColumns = Math.min(columns, images.length);
  const rows = Math.ceil(images.length / columns);
  const sheet = blank(MARGIN + usedColumns * (cellWidth + MARGIN), MARGIN + rows * (cellHeight + MARGIN));
  for (const [i, image] of images.entries()) {
    const left = MARGIN + (i % columns) * (cellWidth + MARGIN);
    const top = MARGIN + Math.floor(i / columns) * (cellHeight + MARGIN);
    paste(sheet, image, left, top, scale);
    for (const [line, text] of lines[i]!.entries()) {
      drawText(sheet, text, left, top + imageHeight + LABEL_GAP + line * LINE_HEIGHT, TEXT_COLOUR);
    }
  }
  return sheet;
}

function isCount(value: number): boolean {
  return Number.isInteger(value) && value > 0;
}

function blank(width: number, height: number): RgbImage {
  return { width, height, channels: 3, data: new Uint8Array(width * height * 3).fill(BACKGROUND) };
}

function paste(sheet: RgbImage, image: RgbImage, left: number, top: number, scale: number): void {
  for (let y = 0; y < image.height * scale; y++) {
    for (let x = 0; x < image.width * scale; x++) {
      const from = (Math.floor(y / scale) * image.width + Math.floor(x / scale)) * 3;
      sheet.data.set(image.data.subarray(from, from + 3), ((top + y) * sheet.width + left + x) * 3);
    }
  }
}

/**
 * Breaks a text into lines of at most `width` characters: between words, and inside words that are longer than a line.
 */
function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of plainCharacters(text).join("").split(/\s+/).filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) {
      lines[lines.length - 1] = `${last} ${word}`;
    } else {
      lines.push(...pieces(word, Math.max(width, 1)));
    }
  }
  return lines;
}

function pieces(word: string, length: number): string[] {
  return Array.from({ length: Math.ceil(word.length / length) }, (_, i) => word.slice(i * length, (i + 1) * length));
}
