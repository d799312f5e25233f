import type { Edit } from "./edit.js";

const CHUNK_LENGTH = 1024;
/** With more edits than this, the whole text is rebuilt. */
const FEW_EDITS = 32;

/** A text in chunks, so that a short edit of a long text does not copy all of it. */
export class ChunkedText {
  #chunks: string[];
  #length: number;
  /** The chunk of the last access, and the index of its first character. */
  #chunk = 0;
  #chunkStart = 0;

  constructor(text: string) {
    this.#chunks = chunksOf(text);
    this.#length = text.length;
  }

  get length(): number {
    return this.#length;
  }

  toString(): string {
    if (this.#chunks.length > 1 && this.#length <= CHUNK_LENGTH) this.reset(this.#chunks.join(""));
    return this.#chunks.length === 1 ? this.#chunks[0]! : this.#chunks.join("");
  }

  /** Returns the current text, for a later comparison with `equals`. */
  snapshot(): readonly string[] {
    return [...this.#chunks];
  }

  equals(snapshot: readonly string[]): boolean {
    if (snapshot.length === this.#chunks.length && snapshot.every((chunk, i) => chunk === this.#chunks[i])) return true;
    const length = snapshot.reduce((sum, chunk) => sum + chunk.length, 0);
    return length === this.#length && snapshot.join("") === this.toString();
  }

  /** Returns the code of a character, or NaN beyond the text. */
  charCodeAt(index: number): number {
    if (index < 0 || index >= this.#length) return NaN;
    this.seek(index);
    return this.#chunks[this.#chunk]!.charCodeAt(index - this.#chunkStart);
  }

  slice(start: number, end: number): string {
    if (start >= end) return "";
    this.seek(start);
    const first = this.#chunks[this.#chunk]!.slice(start - this.#chunkStart, end - this.#chunkStart);
    const pieces = [first];
    let at = start + first.length;
    for (let next = this.#chunk + 1; at < end && next < this.#chunks.length; next++) {
      const piece = this.#chunks[next]!.slice(0, end - at);
      pieces.push(piece);
      at += piece.length;
    }
    return pieces.length === 1 ? first : pieces.join("");
  }

  /** Applies edits, which must be in order and not overlap. */
  apply(edits: readonly Edit[]): void {
    if (edits.length > FEW_EDITS) this.rebuild(edits);
    else for (const edit of edits.toReversed()) this.splice(edit);
  }

  private rebuild(edits: readonly Edit[]): void {
    const text = this.toString();
    const pieces: string[] = [];
    let at = 0;
    for (const edit of edits) {
      pieces.push(text.slice(at, edit.start), edit.text);
      at = edit.end;
    }
    pieces.push(text.slice(at));
    this.reset(pieces.join(""));
  }

  private splice({ start, end, text }: Edit): void {
    this.seek(end);
    const last = this.#chunk;
    const tail = this.#chunks[last]!.slice(end - this.#chunkStart);
    this.seek(start);
    const head = this.#chunks[this.#chunk]!.slice(0, start - this.#chunkStart);
    this.#chunks.splice(this.#chunk, last + 1 - this.#chunk, ...chunksOf(head + text + tail));
    this.#length += text.length - (end - start);
  }

  private reset(text: string): void {
    this.#chunks = chunksOf(text);
    this.#length = text.length;
    this.#chunk = 0;
    this.#chunkStart = 0;
  }

  /** Moves to the chunk that contains an index, or to the last one. */
  private seek(index: number): void {
    while (index < this.#chunkStart) this.#chunkStart -= this.#chunks[--this.#chunk]!.length;
    for (;;) {
      const next = this.#chunkStart + this.#chunks[this.#chunk]!.length;
      if (index < next || this.#chunk === this.#chunks.length - 1) return;
      this.#chunkStart = next;
      this.#chunk++;
    }
  }
}

/** Returns at least one chunk; none is longer than twice CHUNK_LENGTH. */
function chunksOf(text: string): string[] {
  if (text.length < 2 * CHUNK_LENGTH) return [text];
  const count = Math.ceil(text.length / CHUNK_LENGTH);
  return Array.from({ length: count }, (_, i) => text.slice(i * CHUNK_LENGTH, (i + 1) * CHUNK_LENGTH));
}
