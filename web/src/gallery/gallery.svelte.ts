import type { Failure } from "../engine/failure.js";
import { GalleryChannel, type GalleryChange } from "./gallery-channel.js";
import { galleryFailure } from "./gallery-failure.js";
import { GalleryStore, positionOf, type GalleryStoreOptions, type Position } from "./gallery-store.js";
import type { KeptImage } from "./kept-image.js";
import { distinctModels, idsOf, withImages, withoutImages } from "./lists.js";
import { ObjectUrls } from "./object-urls.js";

/** How many images are read at once. */
const PAGE_SIZE = 60;

/** How long a removed image can be brought back, in milliseconds. */
export const UNDO_TIME = 10_000;

/** Files stay a little longer, for whoever clicks at the last moment. */
const GRACE_TIME = 2_000;

/** What a gallery can be given; for tests. */
export type GalleryOptions = Pick<GalleryStoreOptions, "name" | "migrations">;

/** The images that are kept in this browser, newest first. */
export class Gallery {
  /** Those that have been read: the newest at first, then what `loadMore` reads. */
  images: readonly KeptImage[] = $state.raw([]);
  /** `unavailable` if the browser stores nothing: then images stay while the page is open. */
  status: "opening" | "ready" | "unavailable" = $state("opening");
  /** How many are kept, also those that have not been read. */
  total: number = $state(0);
  /** Whether `loadMore` has more. */
  hasMore: boolean = $state(false);
  /** Why images are not kept. */
  failure: Failure | undefined = $state.raw();
  /** Ids of images that could not be stored, and are lost when the page is closed. */
  unsaved: readonly string[] = $state.raw([]);
  /** Settles when the newest images have been read. */
  readonly opened: Promise<void>;
  readonly #store: GalleryStore;
  readonly #channel: GalleryChannel;
  readonly #urls = new ObjectUrls();
  /** Where the last page ended. */
  #end: Position | undefined;
  #reading: Promise<void> = Promise.resolve();
  #isOutdated = false;

  constructor({ name = "dalle2-gallery", ...options }: GalleryOptions = {}) {
    this.#store = new GalleryStore({
      ...options,
      name,
      onOutdated: () => {
        this.#isOutdated = true;
        this.#fail("outdated");
      },
    });
    this.#channel = new GalleryChannel(name, (change) => void this.#hear(change));
    this.opened = this.#open();
  }

  /** Keeps an image. If storage refuses it, it stays while the page is open, and `failure` says why. */
  async add(image: KeptImage): Promise<void> {
    this.#insert([image]);
    await this.opened;
    this.total++;
    await this.#save(image);
  }

  /** An image that has been read. */
  find(id: string): KeptImage | undefined {
    return this.images.find((image) => image.id === id);
  }

  /** URL of the image for `<img>`; valid until the image is deleted. */
  url(image: KeptImage): string {
    return this.#urls.keep(image.id, image.file);
  }

  /** URL of the image while a list shows it; `release` ends that. */
  hold(image: KeptImage): string {
    return this.#urls.hold(image.id, image.file);
  }

  release(image: KeptImage): void {
    this.#urls.release(image.id);
  }

  /** Reads the next older images. */
  loadMore(): Promise<void> {
    return this.#load(async () => {
      const page = await this.#store.page(this.#end, PAGE_SIZE);
      this.#append(page, page.length === PAGE_SIZE);
    });
  }

  /** Reads all images. */
  loadAll(): Promise<void> {
    return this.#load(async () => {
      this.#append(await this.#store.rest(this.#end), false);
    });
  }

  /** The models of all images, each once, also of those that have not been read. */
  async models(): Promise<readonly KeptImage["model"][]> {
    const stored = this.status === "unavailable" ? [] : await this.#store.models().catch(() => []);
    return distinctModels([...stored, ...this.images.map(({ model }) => model)]);
  }

  /** Removes images. The function that is returned brings them back; `UNDO_TIME` later their files are deleted. */
  remove(ids: readonly string[]): () => void {
    const gone = this.images.filter(({ id }) => ids.includes(id));
    this.#drop(ids);
    this.total -= gone.length;
    void this.#attempt(() => this.#store.remove(ids, Date.now()));
    this.#channel.tell({ kind: "removed", ids });
    setTimeout(() => void this.#purge(), UNDO_TIME + GRACE_TIME);
    let isUndone = false;
    return () => {
      if (isUndone) return;
      isUndone = true;
      this.#insert(gone);
      this.total += gone.length;
      void this.#attempt(() => this.#store.restore(gone)).then(() => {
        this.#channel.tell({ kind: "added", ids });
      });
    };
  }

  /** Tries again to store the images that could not be stored. */
  async saveAgain(): Promise<void> {
    const waiting = this.unsaved.map((id) => this.find(id)).filter((image) => image !== undefined);
    this.unsaved = [];
    this.failure = undefined;
    for (const image of waiting) await this.#save(image);
  }

  /** Closes the database, and stops to listen to other tabs. */
  async dispose(): Promise<void> {
    this.#channel.close();
    await this.#store.close();
  }

  async #open(): Promise<void> {
    try {
      await this.#store.purge(Date.now() - UNDO_TIME - GRACE_TIME);
      // What another tab removed a moment ago may still be brought back there.
      setTimeout(() => void this.#purge(), UNDO_TIME + GRACE_TIME);
      const page = await this.#store.page(undefined, PAGE_SIZE);
      this.#append(page, page.length === PAGE_SIZE);
      this.total = await this.#store.count();
      this.status = "ready";
    } catch (error) {
      this.status = "unavailable";
      this.hasMore = false;
      this.#fail(error);
    }
  }

  /** Reads after what is being read, if there is more. */
  #load(read: () => Promise<void>): Promise<void> {
    const reading = this.#reading.then(() => (this.hasMore ? this.#attempt(read) : undefined));
    this.#reading = reading;
    return reading;
  }

  #append(page: readonly KeptImage[], hasMore: boolean): void {
    const last = page.at(-1);
    if (last) this.#end = positionOf(last);
    this.hasMore = hasMore;
    this.#insert(page);
  }

  async #save(image: KeptImage): Promise<void> {
    try {
      await this.#store.put(image);
      this.#channel.tell({ kind: "added", ids: [image.id] });
    } catch (error) {
      this.unsaved = [...this.unsaved, image.id];
      this.#fail(error, image.file.size);
      if ("addEventListener" in globalThis) addEventListener("beforeunload", this.#askToStay);
    }
  }

  /** Deletes the files of images that can no longer be brought back. */
  async #purge(): Promise<void> {
    const known = idsOf(this.images);
    this.#urls.forgetOthers(known);
    this.unsaved = this.unsaved.filter((id) => known.has(id));
    await this.#attempt(() => this.#store.purge(Date.now() - UNDO_TIME));
    if (this.unsaved.length > 0) await this.saveAgain();
  }

  /** What another tab did. */
  async #hear({ kind, ids }: GalleryChange): Promise<void> {
    await this.opened;
    if (this.status === "unavailable") return;
    await this.#attempt(async () => {
      if (kind === "removed") this.#drop(ids);
      else this.#insert(await this.#store.get(ids));
      this.total = (await this.#store.count()) + this.unsaved.length;
    });
    setTimeout(() => void this.#purge(), UNDO_TIME + GRACE_TIME);
  }

  /** The browser asks whether to leave the page. */
  readonly #askToStay = (event: Event): void => {
    if (this.status === "ready" && this.unsaved.length > 0) event.preventDefault();
  };

  async #attempt(work: () => Promise<void>): Promise<void> {
    if (this.status === "unavailable") return;
    try {
      await work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #insert(images: readonly KeptImage[]): void {
    this.images = withImages(this.images, images);
  }

  #drop(ids: readonly string[]): void {
    this.images = withoutImages(this.images, ids);
  }

  #fail(error: unknown, neededBytes?: number): void {
    this.failure = galleryFailure(this.#isOutdated ? "outdated" : error, neededBytes);
  }
}
