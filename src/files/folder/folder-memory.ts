import type { HubListing } from "./hub-listing.js";

/** What is known about folders on servers in a run, so that servers are asked once. */
export class FolderMemory {
  /** The lists of repositories, by hub id. */
  readonly listings = new Map<string, HubListing | undefined>();
  /** The sizes of files on other servers, by URL; null for files that do not exist. */
  readonly sizes = new Map<string, { readonly size: number | undefined } | null>();
  /** Names of the folders whose download was announced. */
  readonly announced = new Set<string>();

  clear(): void {
    this.listings.clear();
    this.sizes.clear();
    this.announced.clear();
  }
}
