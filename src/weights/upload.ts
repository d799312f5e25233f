import type { RowRange, TensorEntry } from "./tensor-entry.js";

/**
 * Host bytes of one piece of a tensor. Its copies (as read, as f32, rounded, staged) stay
 * small.
 */
export const PIECE_BYTES = 2 ** 23;

/** How a tensor of the file gets to where it is used. */
export interface Upload {
  /** Returns the rows of the pieces that it is read in. Default: one piece with all rows. */
  readonly pieces?: () => readonly RowRange[];
  /** Whether it uses tensors that were declared earlier: it comes after all that do not. */
  readonly isDependent?: boolean;
  /** Stores a piece, by its number. Pieces come in order, and tensors in the order of their file. */
  readonly store: (bytes: Uint8Array<ArrayBuffer>, entry: TensorEntry, piece: number) => void;
}
