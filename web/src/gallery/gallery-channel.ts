/** What tabs of the page tell each other about the images. */
export interface GalleryChange {
  readonly kind: "added" | "removed";
  readonly ids: readonly string[];
}

/** Tells other tabs of changes, and hears of theirs. */
export class GalleryChannel {
  readonly #channel: BroadcastChannel | undefined;

  constructor(name: string, onChange: (change: GalleryChange) => void) {
    if (!("BroadcastChannel" in globalThis)) return;
    this.#channel = new BroadcastChannel(name);
    this.#channel.onmessage = ({ data }: MessageEvent<GalleryChange>) => {
      onChange(data);
    };
  }

  tell(change: GalleryChange): void {
    this.#channel?.postMessage(change);
  }

  close(): void {
    this.#channel?.close();
  }
}
