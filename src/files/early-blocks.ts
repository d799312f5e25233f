import { FileError } from "../platform/errors.js";
import type { ByteSource } from "../platform/source.js";
import { ChangedError } from "./changed.js";
import { readBody } from "./http.js";
import { pieceSum } from "./pieces.js";
import { chunksOf, contentRange, discard, request, type HttpOptions } from "./request.js";
import { withoutStall, withRetries, type RunPatience } from "./retry.js";
import { stateOf, type RemoteState } from "./remote-state.js";

const BLOCK_BYTES = 2 ** 20;
/** All that is fetched early is kept in memory until the download is complete. */
const MOST_BLOCKS = 16;

/** Some bytes of the file. */
interface Block {
  readonly start: number;
  readonly end: number;
  readonly request: Promise<Uint8Array<ArrayBuffer>>;
  /** Once they are there. */
  bytes: Uint8Array<ArrayBuffer> | undefined;
}

/**
 * Bytes of a file far behind those that a download has reached, such as the directory at the end of a zip archive. Each is fetched
 * by a request of its own, and compared with the download once that is complete.
 */
export class EarlyBlocks {
  #blocks: Block[] = [];
  /** Aborted when the file is complete, after which it is read itself. */
  readonly #over = new AbortController();

  constructor(
    private readonly url: string,
    private readonly state: RemoteState,
    private readonly http: HttpOptions & { readonly patience: RunPatience },
  ) {}

  /** Reads bytes; undefined if that would be too many. `signal` ends all requests. Rejects if the file is complete before they are there. */
  read(offset: number, length: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> | undefined {
    const isOver = this.#over.signal;
    if (isOver.aborted) return undefined;
    const end = offset + length;
    const known = this.#blocks.find((block) => block.start <= offset && end <= block.end);
    const block = known ?? this.#fetch(offset, end, signal);
    return block?.request.then((bytes) => {
      // Nobody would compare them.
      isOver.throwIfAborted();
      block.bytes = bytes;
      return bytes.slice(offset - block.start, end - block.start);
    });
  }

  #fetch(offset: number, end: number, signal: AbortSignal): Block | undefined {
    const { size } = this.state;
    // Whole blocks: headers and directories are read in parts. At the end of a file the one before too, where a directory begins.
    const first = Math.floor(offset / BLOCK_BYTES) - (size! - offset < BLOCK_BYTES ? 1 : 0);
    const range = {
      start: Math.max(0, first) * BLOCK_BYTES,
      end: Math.min(size!, Math.ceil(end / BLOCK_BYTES) * BLOCK_BYTES),
    };
    const bytes = range.end - range.start;
    const held = this.#blocks.reduce((sum, block) => sum + block.end - block.start, 0);
    if (held + bytes > MOST_BLOCKS * BLOCK_BYTES) return undefined;
    const request = this.#request(range.start, range.end, AbortSignal.any([signal, this.#over.signal]));
    const block: Block = { ...range, request, bytes: undefined };
    this.#blocks.push(block);
    // The next read tries again.
    request.catch(() => {
      this.#blocks = this.#blocks.filter((one) => one !== block);
    });
    return block;
  }

  #request(start: number, end: number, signal: AbortSignal): Promise<Uint8Array<ArrayBuffer>> {
    const { url, state, http } = this;
    return withRetries(url, http.patience, signal, () =>
      withoutStall(url, http.patience, { ...http, signal }, async (inTime, alive) => {
        const response = await request(url, inTime, { start, end });
        try {
          if (response.status !== 206) throw new FileError(url, `HTTP status ${response.status} to a range request`);
          const { size, version } = stateOf(response, url);
          const range = contentRange(response, url);
          if (size !== state.size || version !== state.version || range.start !== start || range.end !== end)
            throw new ChangedError(url);
          return await readBody(chunksOf(response, url, inTime.signal, alive), url, end - start);
        } finally {
          await discard(response);
        }
      }),
    );
  }

  /** Ends all requests. Rejects with ChangedError if the complete file has other bytes where some were read early. */
  async compare(file: ByteSource): Promise<void> {
    this.#over.abort();
    for (const { start, end, bytes } of [...this.#blocks]) {
      if (!bytes) continue;
      const [a, b] = await Promise.all([pieceSum(bytes), pieceSum(await file.read(start, end - start))]);
      if (a !== b) throw new ChangedError(this.url);
    }
  }
}
