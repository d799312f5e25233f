import { checkRange } from "../platform/errors.js";
import { orAborted } from "../platform/or-aborted.js";
import type { ByteSource } from "../platform/source.js";

/** Smaller files are fetched whole at the first read behind their beginning. */
const WHOLE_BYTES = 2 ** 26;
/** What is fetched beyond a read that continues the one before: this much at first, then twice as much each time. */
const FIRST_AHEAD = 2 ** 20;
const MOST_AHEAD = 2 ** 24;
/** A read so near behind the last piece continues it: small tensors in between are not used. */
const NEAR_BYTES = 2 ** 18;
/** Pieces that are kept: reads at the same time are in several. */
const KEPT_PIECES = 4;

/** Some bytes of the file, which are there or on their way. */
interface Piece {
  readonly start: number;
  readonly end: number;
  readonly content: Promise<Blob>;
}

/**
 * A source whose reads take long to begin, as those of a server do, in few large ones. Tensors are read one by one, which
 * would be hundreds of requests. What is read beyond is kept in Blobs, which browsers may keep outside of memory.
 */
export class LargeReads implements ByteSource {
  readonly #closed = new AbortController();
  #pieces: Piece[] = [];
  #ahead = FIRST_AHEAD;
  /** End of the last piece that was fetched. */
  #end: number;

  constructor(
    private readonly source: ByteSource,
    /** The beginning of the file. */
    private readonly head: Uint8Array<ArrayBuffer>,
    /** Whether only headers are read: then a small file is not fetched whole. */
    private readonly headersOnly = false,
  ) {
    this.#end = head.length;
  }

  get name(): string {
    return this.source.name;
  }

  get size(): number {
    return this.source.size;
  }

  async read(offset: number, length: number, signal?: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    signal?.throwIfAborted();
    checkRange(this.name, this.size, offset, length);
    const end = offset + length;
    if (end <= this.head.length) return this.head.slice(offset, end);
    const piece = this.#pieces.find((one) => one.start <= offset && end <= one.end) ?? this.#fetch(offset, end);
    if (!piece) return this.source.read(offset, length, signal);
    const content = await orAborted(piece.content, signal);
    return new Uint8Array(await content.slice(offset - piece.start, end - piece.start).arrayBuffer());
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#pieces = [];
    await this.source.close();
  }

  /** Begins to fetch a piece with these bytes. Undefined if nothing else of it is likely to be read. */
  #fetch(start: number, end: number): Piece | undefined {
    const isSmall = !this.headersOnly && this.size <= WHOLE_BYTES;
    const isNext = start >= this.#end && start <= this.#end + NEAR_BYTES;
    this.#end = end;
    this.#ahead = isNext ? this.#ahead : FIRST_AHEAD;
    if (!isSmall && !isNext) return undefined;
    const piece = isSmall ? this.#begin(0, this.size) : this.#begin(start, Math.min(this.size, end + this.#ahead));
    this.#end = piece.end;
    this.#ahead = Math.min(MOST_AHEAD, this.#ahead * 2);
    return piece;
  }

  #begin(start: number, end: number): Piece {
    // What is there already is not fetched again.
    const known = start === 0 ? [this.head] : [];
    const from = start === 0 ? this.head.length : start;
    const content = this.source
      .read(from, end - from, this.#closed.signal)
      .then((bytes) => new Blob([...known, bytes]));
    const piece = { start, end, content };
    this.#pieces = [...this.#pieces.slice(1 - KEPT_PIECES), piece];
    // The next read tries again.
    content.catch(() => {
      this.#pieces = this.#pieces.filter((one) => one !== piece);
    });
    return piece;
  }
}
