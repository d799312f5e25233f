/** Makes object URLs of blobs when they are first needed, and revokes them when nobody needs them any longer. */
export class ObjectUrls {
  readonly #urls = new Map<string, { readonly url: string; uses: number; isKept: boolean }>();

  /** The URL of a blob, valid until `forget`. */
  keep(id: string, blob: Blob): string {
    const entry = this.#entry(id, blob);
    entry.isKept = true;
    return entry.url;
  }

  /** The URL of a blob, valid until `release` was called as often as `hold`. */
  hold(id: string, blob: Blob): string {
    const entry = this.#entry(id, blob);
    entry.uses++;
    return entry.url;
  }

  release(id: string): void {
    const entry = this.#urls.get(id);
    if (!entry) return;
    entry.uses--;
    if (entry.uses <= 0 && !entry.isKept) this.forget(id);
  }

  forget(id: string): void {
    const entry = this.#urls.get(id);
    if (entry) URL.revokeObjectURL(entry.url);
    this.#urls.delete(id);
  }

  /** Revokes all URLs but those of some ids. */
  forgetOthers(ids: ReadonlySet<string>): void {
    for (const id of this.#urls.keys()) if (!ids.has(id)) this.forget(id);
  }

  /** How many URLs there are. */
  get size(): number {
    return this.#urls.size;
  }

  #entry(id: string, blob: Blob) {
    let entry = this.#urls.get(id);
    if (!entry) this.#urls.set(id, (entry = { url: URL.createObjectURL(blob), uses: 0, isKept: false }));
    return entry;
  }
}
