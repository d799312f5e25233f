import { removeFile } from "#platform";
import type { ByteSource } from "../platform/source.js";

/** A source over a file that is removed when the source is closed. */
export class TemporarySource implements ByteSource {
  constructor(
    private readonly source: ByteSource,
    private readonly path: string,
    /** Called when the source is closed. */
    private readonly release: () => void,
  ) {}

  get name(): string {
    return this.source.name;
  }

  get size(): number {
    return this.source.size;
  }

  read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    return this.source.read(offset, length, signal);
  }

  async close(): Promise<void> {
    try {
      await this.source.close();
      await removeFile(this.path);
    } finally {
      this.release();
    }
  }
}
