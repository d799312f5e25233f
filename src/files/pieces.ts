// Checksums of the pieces of a file, so that damage is found as a file is read, without reading the whole file first.
import type { Sha256 } from "../platform/platform.js";

/** Large enough for few reads and short records, small enough for memory. */
export const PIECE_BYTES = 2 ** 23;

/** The first 64 bits of the SHA-256 of a piece, in hexadecimal: enough to find damage, which no attacker chose. */
export async function pieceSum(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes), 0, 8);
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Where a piece of a file of `size` bytes is. */
export function pieceRange(index: number, size: number): { readonly start: number; readonly length: number } {
  const start = index * PIECE_BYTES;
  return { start, length: Math.min(PIECE_BYTES, size - start) };
}

/** How many pieces a file has. */
export function pieceCount(size: number): number {
  return Math.ceil(size / PIECE_BYTES);
}

/** Adds a piece to the hash of a file, and computes its own checksum meanwhile. */
export async function addPiece(hash: Sha256, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const sum = pieceSum(bytes);
  hash.update(bytes);
  return sum;
}
