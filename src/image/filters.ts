/** Filters of antialiased resizing, and the taps that they give: those of Pillow and of torch are the same. */

export interface Filter {
  /** Half the width of the kernel in source pixels, when enlarging. */
  readonly support: number;
  readonly at: (x: number) => number;
}

export const LANCZOS: Filter = {
  support: 3,
  at: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0),
};

/** Keys' cubic with a = -0.5. */
export const BICUBIC: Filter = {
  support: 2,
  at: (signed) => {
    const x = Math.abs(signed);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
  },
};

export const BILINEAR: Filter = {
  support: 1,
  at: (x) => Math.max(1 - Math.abs(x), 0),
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** The consecutive source pixels of one output pixel, and their weights, whose sum is 1. */
export interface Taps {
  readonly first: number;
  readonly weights: readonly number[];
}

/**
 * Returns, for each position of the result, the taps in the source. They are cut at the edges and then normalised. When
 * shrinking, the kernel is stretched (antialiasing). The result may show only the first `length` of the source, which need not be a whole
 * number.
 * @see
 * https://github.com/python-pillow/Pillow/blob/bb1d8e8ab8d29048624d96e3ee53cecf7c13d13d/src/libImaging/Resample.c#L183-L267
 */
export function tapsOf(inSize: number, outSize: number, filter: Filter, length = inSize): Taps[] {
  const scale = length / outSize;
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  return Array.from({ length: outSize }, (_, i) => {
    const center = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), inSize);
    const raw = Array.from({ length: end - first }, (_, k) => filter.at((first + k - center + 0.5) * (1 / stretch)));
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    return { first, weights: raw.map((weight) => weight / total) };
  });
}
