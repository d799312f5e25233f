import { ArgumentError } from "../../platform/arguments.js";
import { joinedF32, type Embedding } from "../embedding.js";
import type { EncodedText } from "../manager/encoded-texts.js";
import type { DecoderData } from "../script-options.js";

/** Interpolates on the straight line, from `a` at position 0 to `b` at position 1. */
export function lerp(a: Embedding, b: Embedding, position: number): Embedding {
  return weighted(a, b, 1 - position, position);
}

/** Texts between two others, as `sampleDecoder` takes them: one for each position. */
export type TextsBetween = Required<Pick<DecoderData, "textEncoding">> & Pick<DecoderData, "textEmbed" | "textMask">;

/**
 * Interpolates between two texts: encodings on the straight line and, if `takesEmbed`, embeddings on the arc. Between the ends,
 * what is text in either counts as text.
 */
export function textsBetween(
  a: EncodedText,
  b: EncodedText,
  positions: readonly number[],
  takesEmbed: boolean,
): TextsBetween {
  const textEncoding = positions.map((position) => lerp(a.textEncodings, b.textEncodings, position));
  if (!takesEmbed) return { textEncoding };
  const either = a.textMask.map((value, i) => Math.max(value, b.textMask[i]!));
  return {
    textEncoding,
    textEmbed: positions.map((position) => slerp(a.textEmbed, b.textEmbed, position)),
    textMask: positions.map((position) => (position === 0 ? a.textMask : position === 1 ? b.textMask : either)),
  };
}

/**
 * Interpolates on the arc between two directions, from `a` at position 0 to `b` at position 1 (Shoemake 1985; unCLIP, section
 * 3.2). The length changes linearly. Throws `ArgumentError` for a vector of zeros.
 */
export function slerp(a: Embedding, b: Embedding, position: number): Embedding {
  const [lengthA, lengthB] = [lengthOf(a), lengthOf(b)];
  if (lengthA === 0 || lengthB === 0) throw new ArgumentError("embedding", "An embedding of zeros has no direction.");
  const cosine = dot(a, b) / (lengthA * lengthB);
  const angle = Math.acos(Math.min(Math.max(cosine, -1), 1));
  // For nearly the same direction, the arc is the line and the sine is too small to divide by. Opposite directions have no
  // unique arc.
  if (Math.sin(angle) < 1e-6) return lerp(a, b, position);
  const length = lengthA + (lengthB - lengthA) * position;
  const share = (part: number): number => (Math.sin(part * angle) / Math.sin(angle)) * length;
  return weighted(a, b, share(1 - position) / lengthA, share(position) / lengthB);
}

/** Returns the direction from one embedding to another, scaled to a length. Throws `ArgumentError` if they are the same. */
export function difference(from: Embedding, to: Embedding, length: number): Embedding {
  const change = weighted(from, to, -1, 1);
  const scale = length / lengthOf(change);
  if (!Number.isFinite(scale))
    throw new ArgumentError(
      "to",
      "CLIP has the same embedding for both texts, so there is no direction between them.",
      {
        code: "argument/no-effect",
      },
    );
  return { ...change, data: change.data.map((value) => value * scale) };
}

export function lengthOf(x: Embedding): number {
  return Math.sqrt(dot(x, x));
}

function dot(a: Embedding, b: Embedding): number {
  return a.data.reduce((sum, value, i) => sum + value * b.data[i]!, 0);
}

/** Returns a weighted sum of two. Throws `ArgumentError` if the shapes differ. */
function weighted(a: Embedding, b: Embedding, weightA: number, weightB: number): Embedding {
  return weightedSum([a, b], [weightA, weightB]);
}

/** Returns a weighted sum. Throws `ArgumentError` if the shapes differ. */
export function weightedSum(embeddings: readonly Embedding[], weights: readonly number[]): Embedding {
  const { shape, data } = embeddings[0]!;
  const other = embeddings.find((one) => one.shape.join() !== shape.join());
  if (other) {
    throw new ArgumentError(
      "embedding",
      `Embeddings must have the same shape, got [${shape.join(", ")}] and [${other.shape.join(", ")}].`,
      { code: "argument/mismatch" },
    );
  }
  return {
    shape,
    data: data.map((_, i) => embeddings.reduce((sum, one, k) => sum + weights[k]! * one.data[i]!, 0)),
    inF32: joinedF32(embeddings),
  };
}
