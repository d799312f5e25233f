import { rmSync } from "node:fs";
import { parse } from "node:path";
import type { RgbImage } from "../../image/image.js";
import { encodePng } from "../../image/png.js";
import { placeFile } from "./place-file.js";

/** Default number of sampling steps from one preview to the next. */
export const DEFAULT_PREVIEW_EVERY = 5;

/** Where previews are written. */
export interface PreviewPlace {
  readonly folder: string;
  readonly overwrite: boolean;
  /** Prints a message about previews. */
  readonly say: (message: string) => void;
}

/**
 * Writes previews of the images of a run to `NAME-preview.png`, updates them during sampling, and removes them when the images
 * are written. Each update replaces the file atomically, so that a viewer never reads a partial file. If a preview cannot be
 * written, there is one message and the run continues without previews.
 */
export class PreviewFiles {
  /** Files by the index of their image. */
  readonly #files = new Map<number, string>();
  /** The latest preview of each image that is still to be written. */
  readonly #waiting = new Map<number, RgbImage>();
  #writing: Promise<void> | undefined;
  #hasFailed = false;

  /** `names` are the names of the images, without extensions. */
  constructor(
    private readonly names: readonly string[],
    private readonly place: PreviewPlace,
  ) {}

  /** Queues previews; the first is of image `start`. They are written after those queued before. */
  show(images: readonly RgbImage[], start: number): void {
    if (this.#hasFailed) return;
    for (const [i, image] of images.entries()) this.#waiting.set(start + i, image);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Removes the preview of an image. */
  async remove(index: number): Promise<void> {
    this.#waiting.delete(index);
    await this.#writing;
    const file = this.#files.get(index);
    this.#files.delete(index);
    if (file !== undefined) rmSync(file, { force: true });
  }

  /** Removes all previews. */
  async removeAll(): Promise<void> {
    this.#waiting.clear();
    await this.#writing;
    for (const index of [...this.#files.keys()]) await this.remove(index);
  }

  async #writeAll(): Promise<void> {
    try {
      for (let next = this.#next(); next; next = this.#next()) await this.#write(...next);
    } catch (error) {
      this.#hasFailed = true;
      this.#waiting.clear();
      this.place.say(`No more previews will be written: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  #next(): readonly [number, RgbImage] | undefined {
    const [first] = this.#waiting;
    if (first) this.#waiting.delete(first[0]);
    return first;
  }

  async #write(index: number, image: RgbImage): Promise<void> {
    const bytes = await encodePng(image);
    const { folder, overwrite, say } = this.place;
    const before = this.#files.get(index);
    // The first preview takes a free name, as images do. Later ones replace that file.
    const name = before === undefined ? `${this.names[index]}-preview.png` : parse(before).base;
    const file = placeFile(folder, name, bytes, { overwrite: overwrite || before !== undefined });
    this.#files.set(index, file);
    if (before === undefined) say(`Preview: ${file}`);
  }
}
