import { rmSync } from "node:fs";
import { parse } from "node:path";
import type { RgbImage } from "../../image/image.js";
import { encodePng } from "../../image/png.js";
import { placeFile } from "./place-file.js";

/** Sampling steps from one preview to the next, unless they are given. */
export const DEFAULT_PREVIEW_EVERY = 5;

/** Where previews go, and what takes messages about them. */
export interface PreviewPlace {
  readonly folder: string;
  readonly overwrite: boolean;
  readonly say: (message: string) => void;
}

/**
 * PNG files beside the images of a run, `NAME-preview.png`, that are renewed as the images form and are removed when those are
 * there. Each renewal replaces the file at once, so that a viewer never reads half of one. A preview that cannot be written
 * is no reason to lose the image: that is said once.
 */
export class PreviewFiles {
  /** Files by the index of their image. */
  readonly #files = new Map<number, string>();
  /** Images to be written, the latest of each. */
  readonly #waiting = new Map<number, RgbImage>();
  #writing: Promise<void> | undefined;
  #hasFailed = false;

  /** `names` are those of the images, without extensions. */
  constructor(
    private readonly names: readonly string[],
    private readonly place: PreviewPlace,
  ) {}

  /** Takes images as they are by now; the first has index `start`. Writes them as soon as those before are written. */
  show(images: readonly RgbImage[], start: number): void {
    if (this.#hasFailed) return;
    for (const [i, image] of images.entries()) this.#waiting.set(start + i, image);
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Removes the preview of an image that is there. */
  async remove(index: number): Promise<void> {
    this.#waiting.delete(index);
    await this.#writing;
    const file = this.#files.get(index);
    this.#files.delete(index);
    if (file !== undefined) rmSync(file, { force: true });
  }

  /** Removes what is left. */
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
      this.place.say(`There are no previews from here on: ${error instanceof Error ? error.message : String(error)}`);
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
    // The first takes a name that is free, as images do; those after it replace that file.
    const name = before === undefined ? `${this.names[index]}-preview.png` : parse(before).base;
    const file = placeFile(folder, name, bytes, { overwrite: overwrite || before !== undefined });
    this.#files.set(index, file);
    if (before === undefined) say(`Preview: ${file}`);
  }
}
