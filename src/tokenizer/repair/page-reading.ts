import { bytesIn } from "./code-page-bytes.js";
import type { CodePage } from "./code-pages.js";
import type { Draft, Mark } from "./draft.js";
import type { Span } from "./edit.js";
import { type Leniency, READING_REACH, readUtf8 } from "./utf8-bytes.js";

/** Encodes a changing text in one encoding and decodes the bytes as UTF-8, if they are valid. */
export class PageReading {
  /** The part of the text that is not UTF-8, with the context that decides this. */
  readonly #failure: Mark;
  readonly #leniency: Leniency;

  constructor(
    private readonly draft: Draft,
    private readonly page: CodePage,
  ) {
    this.#failure = draft.mark();
    // In MacRoman the space is often a real one after an en dash.
    this.#leniency = { spaces: page.name !== "macroman", losses: page.sloppy };
  }

  /** Returns the decoded text, or null if a part of it is not UTF-8. */
  read(): string | null {
    if (this.#failure.isIntact) return null;
    const last = this.#failure.span;
    const failed = last === undefined ? undefined : this.failureNear(last);
    const reading = failed === undefined ? this.readPart(this.draft.toString()) : { failed };
    if ("text" in reading) return reading.text;
    this.#failure.set(reading.failed);
    return null;
  }

  private failureNear(place: Span): Span | undefined {
    const start = Math.max(0, place.start - READING_REACH);
    const part = this.draft.slice(start, place.end + READING_REACH);
    // Characters at the edges may be incomplete.
    const reading = this.readPart(part, { start: place.start - start, end: place.end - start });
    return "text" in reading ? undefined : { start: reading.failed.start + start, end: reading.failed.end + start };
  }

  private readPart(text: string, within = { start: 0, end: text.length }): { text: string } | { failed: Span } {
    const bytes = bytesIn(this.page, text);
    if (typeof bytes === "number") return { failed: { start: bytes, end: bytes + 1 } };
    const reading = readUtf8(bytes, this.#leniency, (at) => at >= within.start && at < within.end);
    if ("text" in reading) return reading;
    const start = Math.max(0, reading.failedAt - READING_REACH);
    return { failed: { start, end: Math.min(text.length, reading.failedAt + READING_REACH) } };
  }
}
