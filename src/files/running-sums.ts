import { createSha256 } from "#platform";
import type { FileSums } from "./hash.js";
import { PIECE_BYTES, pieceSum } from "./pieces.js";

/** The checksums of a file as its bytes arrive from the first to the last, so that gigabytes need not be read again for them. */
export class RunningSums {
  #hash = createSha256();
  #pieces: Promise<string>[] = [];
  #piece = new Uint8Array(PIECE_BYTES);
  #filled = 0;
  /** How many bytes have come. */
  #end = 0;
  /** Whether they were all bytes up to there. */
  #isWhole = true;

  /** Adds bytes at an offset. Those at 0 begin again. */
  add(offset: number, bytes: Uint8Array): void {
    if (offset === 0) this.#reset();
    if (offset !== this.#end) this.#isWhole = false;
    if (!this.#isWhole) return;
    this.#hash.update(bytes);
    for (let done = 0; done < bytes.length;) {
      const part = bytes.subarray(done, done + PIECE_BYTES - this.#filled);
      this.#piece.set(part, this.#filled);
      this.#filled += part.length;
      done += part.length;
      if (this.#filled === PIECE_BYTES) this.#endPiece();
    }
    this.#end += bytes.length;
  }

  /** The checksums. Undefined if some of the `size` bytes are missing. Nothing can be added afterwards. */
  async finish(size: number): Promise<FileSums | undefined> {
    if (!this.#isWhole || this.#end !== size) return undefined;
    if (this.#filled > 0) this.#endPiece();
    return { size, sha256: this.#hash.digest(), pieces: await Promise.all(this.#pieces) };
  }

  #endPiece(): void {
    this.#pieces.push(pieceSum(this.#piece.subarray(0, this.#filled)));
    this.#piece = new Uint8Array(PIECE_BYTES);
    this.#filled = 0;
  }

  #reset(): void {
    this.#hash = createSha256();
    this.#pieces = [];
    this.#filled = 0;
    this.#end = 0;
    this.#isWhole = true;
  }
}
