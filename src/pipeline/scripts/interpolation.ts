import { ArgumentError } from "../../platform/arguments.js";
import { joinedF32, type Embedding } from "../embedding.js";

/** From `a` at position 0 to `b` at position 1 along the straight line. */
export function lerp(a: Embedding, b: Embedding, position: number): Embedding {
  return weighted(a, b, 1 - position, position);
}

/**
 * From `a` at position 0 to `b` at position 1 along the arc between their directions (Shoemake 1985; unCLIP, section 3.2,
 * does so with CLIP embeddings), while the length changes evenly. Throws RangeError for a vector of zeros.
 */
export function slerp(a: Embedding, b: Embedding, position: number): Embedding {
  const [lengthA, lengthB] = [lengthOf(a), lengthOf(b)];
  if (lengthA === 0 || lengthB === 0) throw new ArgumentError("embedding", "An embedding of zeros has no direction.");
  const cosine = dot(a, b) / (lengthA * lengthB);
  const angle = Math.acos(Math.min(Math.max(cosine, -1), 1));
  // Nearly the same direction: the arc is the line, and its sine is no divisor. Opposite ones have no arc of their own.
  if (Math.sin(angle) < 1e-6) return lerp(a, b, position);
  const length = lengthA + (lengthB - lengthA) * position;
  const share = (part: number): number => (Math.sin(part * angle) / Math.sin(angle)) * length;
  return weighted(a, b, share(1 - position) / lengthA, share(position) / lengthB);
}

/** The direction from one embedding to another, of that length. Throws RangeError where they are the same. */
export function difference(from: Embedding, to: Embedding, length: number): Embedding {
  const rest = weighted(from, to, -1, 1);
  const scale = length / lengthOf(rest);
  if (!Number.isFinite(scale))
    throw new ArgumentError("to", "Two texts mean the same to CLIP: there is no difference to go along.", {
      code: "argument/no-effect",
    });
  return { ...rest, data: rest.data.map((value) => value * scale) };
}

export function lengthOf(x: Embedding): number {
  return Math.sqrt(dot(x, x));
}

function dot(a: Embedding, b: Embedding): number {
  return a.data.reduce((sum, value, i) => sum + value * b.data[i]!, 0);
}

/** Throws RangeError where the shapes differ. */
function weighted(a: Embedding, b: Embedding, weightA: number, weightB: number): Embedding {
  if (a.shape.join() !== b.shape.join()) {
    throw new ArgumentError(
      "embedding",
      `Embeddings of shapes [${a.shape.join(", ")}] and [${b.shape.join(", ")}] do not mix.`,
      { code: "argument/mismatch" },
    );
  }
  return {
    shape: a.shape,
    data: a.data.map((value, i) => weightA * value + weightB * b.data[i]!),
    inF32: joinedF32([a, b]),
  };
}
