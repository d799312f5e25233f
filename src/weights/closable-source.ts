import { DisposedError } from "../platform/disposed-error.js";
import type { ByteSource } from "../platform/source.js";

/** A source that rejects reads after it was closed, whatever the source below does. */
export class ClosableSource implements ByteSource {
  #isClosed = false;

  constructor(private readonly source: ByteSource) {}

  get name(): string {
    return this.source.name;
  }

  get size(): number {
    return this.source.size;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#isClosed) {
      const place = { file: this.name };
      throw new DisposedError(`${this.name}: the checkpoint was closed.`, { code: "weights/disposed", place });
    }
    return this.source.read(offset, length, signal);
  }

  async complete(signal?: AbortSignal): Promise<void> {
    await this.source.complete?.(signal);
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.source.close();
  }
}
