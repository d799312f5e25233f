/** A part of a text. */
export interface Span {
  readonly start: number;
  /** The first index after it. */
  readonly end: number;
}

export interface Edit extends Span {
  /** The replacement of the span. */
  readonly text: string;
}
