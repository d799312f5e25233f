/** Values on the host, row-major. */
export interface HostData {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);

/** Reproducible numbers in [-1, 1) that f16 represents exactly, so that every dtype computes with the same values. */
export function randomData(shape: readonly number[], seed: number, scale = 1): HostData {
  let state = Math.imul(seed, 2654435761) >>> 0 || 1;
  const data = Float32Array.from({ length: sizeOf(shape) }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (((state >>> 0) >>> 21) / 1024 - 1) * scale;
  });
  return { data, shape };
}

/** Reorders axes: axis i of the result is axis `order[i]` of `x`. */
export function permute({ data, shape }: HostData, order: readonly number[]): HostData {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const target = order.map((axis) => shape[axis]!);
  const steps = order.map((axis) => strides[axis]!);
  const result = new Float32Array(data.length);
  const index = new Array<number>(order.length).fill(0);
  let source = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = data[source]!;
    for (let axis = order.length - 1; axis >= 0; axis--) {
      source += steps[axis]!;
      if (++index[axis]! < target[axis]!) break;
      source -= steps[axis]! * target[axis]!;
      index[axis] = 0;
    }
  }
  return { data: result, shape: target };
}

export const toNchw = (x: HostData): HostData => permute(x, [0, 3, 1, 2]);
export const toNhwc = (x: HostData): HostData => permute(x, [0, 2, 3, 1]);
