import { SvelteSet } from "svelte/reactivity";
import type { Gallery } from "./gallery.svelte.js";
import type { KeptImage } from "./kept-image.js";
import { matching } from "./matches.js";

/** How many tiles are added when the end of the list comes near. */
const CHUNK = 120;

/** What the history shows of the gallery. */
export class HistoryView {
  text: string = $state("");
  /** Empty for all models. */
  modelId: string = $state("");
  /** Ids of selected images. */
  readonly selected = new SvelteSet<string>();
  /** Where the list was scrolled to. */
  scrollTop = 0;
  readonly #gallery: Gallery;
  #limit: number = $state(CHUNK);
  /** Where a range of selected images begins. */
  #anchor: string | undefined;

  readonly isFiltered: boolean = $derived(this.text.trim() !== "" || this.modelId !== "");
  readonly matches: readonly KeptImage[] = $derived.by(() => matching(this.#gallery.images, this));
  /** The tiles of the list. */
  readonly shown: readonly KeptImage[] = $derived(this.matches.slice(0, this.#limit));
  readonly selection: readonly KeptImage[] = $derived(this.matches.filter(({ id }) => this.selected.has(id)));
  readonly hasMore: boolean = $derived.by(() => this.#limit < this.matches.length || this.#gallery.hasMore);

  constructor(gallery: Gallery) {
    this.#gallery = gallery;
  }

  /** Shows more tiles, and reads more images if there are none. */
  async showMore(): Promise<void> {
    if (this.#limit >= this.matches.length) await this.#gallery.loadMore();
    this.#limit = Math.min(this.#limit, this.matches.length) + CHUNK;
  }

  clearFilter(): void {
    this.text = "";
    this.modelId = "";
  }

  /** Selects an image, or no longer. */
  toggle(id: string): void {
    if (!this.selected.delete(id)) this.selected.add(id);
    this.#anchor = id;
  }

  /** Selects all from the image that was clicked last to this one. If that is not in the list any more, a range begins here. */
  selectTo(id: string): void {
    const ids = this.matches.map((image) => image.id);
    const anchor = this.#anchor !== undefined && ids.includes(this.#anchor) ? this.#anchor : id;
    this.#anchor = anchor;
    const ends = [ids.indexOf(anchor), ids.indexOf(id)];
    for (const one of ids.slice(Math.min(...ends), Math.max(...ends) + 1)) this.selected.add(one);
  }

  /** Selects all that match. */
  async selectAll(): Promise<void> {
    await this.#gallery.loadAll();
    for (const { id } of this.matches) this.selected.add(id);
  }

  clearSelection(): void {
    this.selected.clear();
  }
}
