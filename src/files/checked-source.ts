import { checkRange } from "../platform/errors.js";
import type { ByteSource } from "../platform/source.js";
import { PIECE_BYTES, pieceRange, pieceSum } from "./pieces.js";

/** What is done about a damaged piece. */
export interface Mending {
  /** Returns the right bytes of a piece, and the file opened again if it was written to. Rejects with FileError. */
  mend(index: number): Promise<{ readonly bytes: Uint8Array<ArrayBuffer>; readonly source?: ByteSource }>;
  /** Called when the source is closed. */
  release(): void;
}

/**
 * A file whose pieces are checked when they are first read. So damage is found without reading gigabytes at each start, and only
 * damaged pieces are fetched again.
 */
export class CheckedSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #checked = new Set<number>();
  readonly #reading = new Map<number, Promise<Uint8Array<ArrayBuffer>>>();
  /** The last piece that was checked: many tensors are smaller than a piece. */
  #last: { readonly index: number; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
  #source: ByteSource;

  constructor(
    source: ByteSource,
    /** `pieceSum` of each piece. If undefined, nothing is checked. */
    private readonly sums: readonly string[] | undefined,
    private readonly mending: Mending,
  ) {
    this.#source = source;
    this.name = source.name;
    this.size = source.size;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    checkRange(this.name, this.size, offset, length);
    if (this.#isChecked(offset, length)) return this.#source.read(offset, length, signal);
    const bytes = new Uint8Array(length);
    for (let at = offset; at < offset + length;) {
      signal?.throwIfAborted();
      const index = Math.floor(at / PIECE_BYTES);
      const piece = pieceRange(index, this.size);
      const end = Math.min(piece.start + piece.length, offset + length);
      bytes.set(await this.#part(index, at - piece.start, end - piece.start, signal), at - offset);
      at = end;
    }
    return bytes;
  }

  /** Whether a range can be read without a check, and has no bytes that are in memory. */
  #isChecked(offset: number, length: number): boolean {
    if (!this.sums) return true;
    for (let index = Math.floor(offset / PIECE_BYTES); index * PIECE_BYTES < offset + length; index++) {
      if (!this.#checked.has(index) || this.#last?.index === index) return false;
    }
    return true;
  }

  async close(): Promise<void> {
    this.#last = undefined;
    try {
      await this.#source.close();
    } finally {
      this.mending.release();
    }
  }

  /** Bytes `from` to `to` of a piece, which the caller must copy. */
  async #part(index: number, from: number, to: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#last?.index === index) return this.#last.bytes.subarray(from, to);
    if (this.#checked.has(index)) return this.#source.read(index * PIECE_BYTES + from, to - from, signal);
    return (await this.#piece(index)).subarray(from, to);
  }

  /** Without the caller's signal: others may wait for the same piece. */
  #piece(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const running = this.#reading.get(index);
    if (running) return running;
    const reading = this.#check(index).finally(() => this.#reading.delete(index));
    this.#reading.set(index, reading);
    return reading;
  }

  async #check(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const { start, length } = pieceRange(index, this.size);
    let bytes = await this.#source.read(start, length);
    if ((await pieceSum(bytes)) !== this.sums?.[index]) {
      const mended = await this.mending.mend(index);
      bytes = mended.bytes;
      if (mended.source) {
        // Other reads may begin while the old one is closed.
        const old = this.#source;
        this.#source = mended.source;
        await old.close();
      }
    }
    this.#checked.add(index);
    this.#last = { index, bytes };
    return bytes;
  }
}
