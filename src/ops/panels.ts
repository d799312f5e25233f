import { GpuLimitError } from "../gpu/errors.js";
import { ALIGNMENT } from "../gpu/pool.js";
import { bytesPerElement, padChannels, SCALE_BYTES } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Span } from "./parts.js";

/**
 * Columns of a packed weight, which are channels of the result, that are stored together. A weight that a kernel can bind is
 * one panel. The panels of a larger one lie one after the other, each in the layout of a whole weight.
 */
export interface Panel {
  /** First vec4 of columns. */
  readonly first: number;
  /** vec4s of columns. */
  readonly vectors: number;
  /** Its elements in storage; in int8 also the scales of its columns, after the weights. */
  readonly span: Span;
}

/**
 * Returns the panels of a weight with `outputs` columns, and `depth` elements in each. In int8, each column also has a scale. All
 * streams that use it must have the same `maxBindingSize`.
 */
export function panelsOf(weight: Tensor, outputs: number, depth: number): readonly Panel[] {
  const { storage, dtype } = weight;
  const limit = weight.arena.stream.maxBindingSize;
  const columns = padChannels(outputs) / 4;
  // Elements of four columns.
  const size = 4 * (depth + (dtype === "int8" ? SCALE_BYTES : 0));
  const panel = (first: number, vectors: number): Panel => ({
    first,
    vectors,
    span: { start: first * size, end: (first + vectors) * size },
  });
  if (size * columns * bytesPerElement(dtype) <= limit) return [panel(0, columns)];
  const most = Math.floor(limit / (size * bytesPerElement(dtype)));
  if (most === 0) {
    throw new GpuLimitError(
      `${storage.label} needs ${size * bytesPerElement(dtype)} bytes for each four of its outputs in one binding, but this adapter allows only ${limit} (maxStorageBufferBindingSize).`,
      { advice: "Use an adapter with a larger limit." },
    );
  }
  // Each panel should begin where a binding may begin: otherwise it is copied each time.
  const quantum = alignedVectors(size * bytesPerElement(dtype));
  const vectors = most - (most >= quantum ? most % quantum : 0);
  return Array.from({ length: Math.ceil(columns / vectors) }, (_, i) => {
    const first = i * vectors;
    return panel(first, Math.min(vectors, columns - first));
  });
}

/** The smallest number of vec4s of columns, each of `bytes` bytes, after which a binding may begin. */
function alignedVectors(bytes: number): number {
  let vectors = 1;
  while ((vectors * bytes) % ALIGNMENT !== 0) vectors *= 2;
  return vectors;
}

/** The panels of a weight `[..., in, out]` in the layout of `linear` and `conv2d`. */
export function packedPanels(weight: Tensor): readonly Panel[] {
  const [inputs = 1, outputs = 1] = weight.shape.slice(-2);
  const taps = weight.shape.slice(0, -2).reduce((product, size) => product * size, 1);
  return panelsOf(weight, outputs, taps * padChannels(inputs));
}

/** The panels of a weight `[kh, kw, out, in]` in the layout of `convTranspose2d`. */
export function transposedPanels(weight: Tensor): readonly Panel[] {
  const [outputs = 1, inputs = 1] = weight.shape.slice(-2);
  const taps = weight.shape.slice(0, -2).reduce((product, size) => product * size, 1);
  return panelsOf(weight, outputs, taps * padChannels(inputs));
}
