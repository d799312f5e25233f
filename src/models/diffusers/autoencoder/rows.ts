// Feature maps that are computed by rows: any rows on demand, so that a large one need not be stored as a whole.
import type { Conv2d } from "../../../nn/conv2d.js";
import { share } from "../../../nn/feature-map.js";
import { add } from "../../../ops/elementwise.js";
import { sliceTokens, writeTokens } from "../../../ops/layout.js";
import { resizeNearest } from "../../../ops/resize.js";
import { bytesPerElement, padChannels, type ComputeType } from "../../../tensor/dtype.js";
import type { Tensor, TensorArena } from "../../../tensor/tensor.js";

/** Batch, height, width and channels of a feature map. */
export type MapShape = readonly [batch: number, height: number, width: number, channels: number];

/** A feature map `[B, H, W, C]` whose rows are computed when they are asked for. */
export interface RowMap {
  readonly arena: TensorArena;
  readonly shape: MapShape;
  /** Rows `from` (included) to `to` (excluded), `[B, to - from, W, C]`, in the current scope. */
  rows(from: number, to: number): Tensor;
  /** Frees what only the rows before this one are computed from. They are not asked for again. */
  done(before: number): void;
}

/** Bytes of the largest feature map that is computed as a whole: what WebGPU promises that a buffer may have. */
export const MAP_BYTES = 2 ** 28;

/** How feature maps are computed by rows. */
export interface RowOptions {
  /** Larger feature maps are computed by rows. Default: `MAP_BYTES`. */
  readonly mapBytes?: number | undefined;
}

/** Strips of a map that is computed by rows have this part of the bytes of the largest one that is not. */
const STRIP_PART = 8;

/** Whether a feature map of this shape is computed by rows. */
export function isByRows(shape: MapShape, { dtype }: TensorArena, { mapBytes = MAP_BYTES }: RowOptions): boolean {
  return bytesOf(shape, dtype) > mapBytes;
}

/** The rows of a strip of a map: at least 2. */
function stripHeight({ shape, arena }: RowMap, { mapBytes = MAP_BYTES }: RowOptions): number {
  const [batch, , width, channels] = shape;
  return Math.max(2, Math.floor(mapBytes / STRIP_PART / bytesOf([batch, 1, width, channels], arena.dtype)));
}

function bytesOf([batch, height, width, channels]: MapShape, dtype: ComputeType): number {
  return batch * height * width * padChannels(channels) * bytesPerElement(dtype);
}

/** Computes a map strip by strip. `use` gets the rows, in a scope of their own, and gives what is returned. */
export function mapStrips<T>(map: RowMap, options: RowOptions, use: (rows: Tensor, from: number) => T): T[] {
  const [, height] = map.shape;
  const strip = stripHeight(map, options);
  return Array.from({ length: Math.ceil(height / strip) }, (_, i) =>
    map.arena.scope(() => use(map.rows(i * strip, Math.min((i + 1) * strip, height)), i * strip)),
  );
}

/**
 * Computes a map and stores it in strips, each a tensor of its own. What the map was computed from is freed on the way, as far as no other
 * row needs it.
 */
export function storedStrips(map: RowMap, options: RowOptions): Tensor[] {
  return mapStrips(map, options, (rows, from) => {
    map.done(from + rows.shape[1]!);
    return rows;
  });
}

/** Computes a map as one tensor. What it was computed from is freed on the way. */
export function joinedRows(map: RowMap, options: RowOptions): Tensor {
  const { arena, shape } = map;
  const [batch, height, width, channels] = shape;
  return arena.scope(() => {
    const y = arena.empty([batch, height * width, channels]);
    mapStrips(map, options, (rows, from) => {
      writeTokens(y, asRowTokens(rows), from * width);
      map.done(from + rows.shape[1]!);
    });
    return y.reshape(shape);
  });
}

/** Stored strips `[B, rows, W, C]`, one below the other, of equal heights but the last. `done` frees them. */
export function rowsOf(strips: readonly Tensor[]): RowMap {
  return new StoredRows(strips);
}

class StoredRows implements RowMap {
  readonly arena: TensorArena;
  readonly shape: MapShape;
  readonly #height: number;

  constructor(private readonly strips: readonly Tensor[]) {
    const [first] = strips;
    const [batch, height, width, channels] = first!.shape as unknown as MapShape;
    this.#height = height;
    this.arena = first!.arena;
    this.shape = [batch, strips.reduce((sum, strip) => sum + strip.shape[1]!, 0), width, channels];
  }

  rows(from: number, to: number): Tensor {
    const [batch, , width, channels] = this.shape;
    const strip = this.strips[Math.floor(from / this.#height)]!;
    if (from % this.#height === 0 && to - from === strip.shape[1]!) return share(strip);
    return this.arena.scope(() => {
      const y = this.arena.empty([batch, (to - from) * width, channels]);
      for (const [i, strip] of this.strips.entries()) {
        const start = i * this.#height;
        const [first, last] = [Math.max(from, start), Math.min(to, start + strip.shape[1]!)];
        if (first >= last) continue;
        const part = sliceTokens(asRowTokens(strip), (first - start) * width, (last - start) * width);
        writeTokens(y, part, (first - from) * width);
        part.dispose();
      }
      return y.reshape([batch, to - from, width, channels]);
    });
  }

  done(before: number): void {
    for (const [i, strip] of this.strips.entries()) {
      if (i * this.#height + strip.shape[1]! <= before) strip.dispose();
    }
  }
}

function asRowTokens(x: Tensor): Tensor {
  const [batch, rows, width, channels] = x.shape as unknown as MapShape;
  return x.reshape([batch, rows * width, channels]);
}

function cropped(x: Tensor, from: number, to: number): Tensor {
  const [batch, rows, width, channels] = x.shape as unknown as MapShape;
  if (from === 0 && to === rows) return x;
  return x.arena.scope(() =>
    sliceTokens(asRowTokens(x), from * width, to * width).reshape([batch, to - from, width, channels]),
  );
}

/** Each row is computed from the same row. */
export function pointwiseRows(x: RowMap, channels: number, apply: (rows: Tensor, from: number) => Tensor): RowMap {
  const [batch, height, width] = x.shape;
  return {
    arena: x.arena,
    shape: [batch, height, width, channels],
    rows: (from, to) => x.arena.scope(() => apply(x.rows(from, to), from)),
    done: (before) => {
      x.done(before);
    },
  };
}

/**
 * A 3×3 convolution with padding 1. The rows above and below are convolved, too: what they give is wrong where rows beside them are
 * missing, and is left out.
 */
export function convolvedRows(x: RowMap, conv: Conv2d, channels: number): RowMap {
  const [batch, height, width] = x.shape;
  return {
    arena: x.arena,
    shape: [batch, height, width, channels],
    rows: (from, to) =>
      x.arena.scope(() => {
        const [first, last] = [Math.max(from - 1, 0), Math.min(to + 1, height)];
        return cropped(conv.forward(x.rows(first, last)), from - first, to - first);
      }),
    done: (before) => {
      x.done(before === height ? height : before - 1);
    },
  };
}

/** A 3×3 convolution with stride 2 and padding 1 on the right and below, which halves the size. */
export function halvedRows(x: RowMap, conv: Conv2d, channels: number): RowMap {
  const [batch, height, width] = x.shape;
  const halved = Math.floor(height / 2);
  return {
    arena: x.arena,
    shape: [batch, halved, Math.floor(width / 2), channels],
    rows: (from, to) => x.arena.scope(() => conv.forward(x.rows(2 * from, Math.min(2 * to + 1, height)))),
    done: (before) => {
      x.done(before === halved ? height : 2 * before);
    },
  };
}

/** The map in twice the size: each pixel becomes four. */
export function doubledRows(x: RowMap): RowMap {
  const [batch, height, width, channels] = x.shape;
  return {
    arena: x.arena,
    shape: [batch, 2 * height, 2 * width, channels],
    rows: (from, to) =>
      x.arena.scope(() => {
        const [first, last] = [Math.floor(from / 2), Math.ceil(to / 2)];
        const rows = resizeNearest(x.rows(first, last), [2 * (last - first), 2 * width]);
        return cropped(rows, from - 2 * first, to - 2 * first);
      }),
    done: (before) => {
      x.done(Math.floor(before / 2));
    },
  };
}

/**
 * The sum of a branch and `x`: the map that the branch begins with, or one that is computed from the same rows of it. So rows that the
 * branch no longer needs are not needed at all.
 */
export function sumOfRows(branch: RowMap, x: RowMap): RowMap {
  const { arena, shape } = branch;
  return {
    arena,
    shape,
    rows: (from, to) => arena.scope(() => add(branch.rows(from, to), x.rows(from, to))),
    done: (before) => {
      branch.done(before);
    },
  };
}
