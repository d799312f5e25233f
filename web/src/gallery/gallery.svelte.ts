import type { KeptImage } from "./kept-image.js";

/** The images that are kept in this browser, newest first. */
export class Gallery {
  images: readonly KeptImage[] = $state.raw([]);
  readonly #urls: Record<string, string> = {};

  /** Keeps an image. `keptImageOf` makes it. */
  add(image: KeptImage): Promise<void> {
    this.images = [image, ...this.images];
    return Promise.resolve();
  }

  find(id: string): KeptImage | undefined {
    return this.images.find((image) => image.id === id);
  }

  /** URL of the image for `<img>`; valid while the page is open. */
  url(image: KeptImage): string {
    return (this.#urls[image.id] ??= URL.createObjectURL(image.file));
  }

  /** Removes images. The function that is returned brings them back. */
  remove(ids: readonly string[]): () => void {
    const before = this.images;
    this.images = before.filter(({ id }) => !ids.includes(id));
    return () => {
      this.images = before;
    };
  }
}
