/** A part of a text. */
export interface Span {
  readonly start: number;
  /** The first index behind it. */
  readonly end: number;
}

export interface Edit extends Span {
  /** What takes the place of the span. */
  readonly text: string;
}
