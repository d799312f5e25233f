/** Values of a row-major array of this shape, each computed from its index, for oracles. */
export function build(shape: readonly number[], at: (...index: number[]) => number): Float64Array {
  const size = shape.reduce((product, axis) => product * axis, 1);
  const values = new Float64Array(size);
  const index = shape.map(() => 0);
  for (let i = 0; i < size; i++) {
    values[i] = at(...index);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis] = (index[axis]! + 1) % shape[axis]!;
      if (index[axis] !== 0) break;
    }
  }
  return values;
}

/** Reads a row-major array by index. */
export function reader(values: ArrayLike<number>, shape: readonly number[]): (...index: number[]) => number {
  return (...index) => {
    const at = index.reduce((offset, i, axis) => {
      if (i < 0 || i >= shape[axis]!) throw new RangeError(`Index ${index.join(", ")} in [${shape.join(", ")}].`);
      return offset * shape[axis]! + i;
    }, 0);
    return values[at]!;
  };
}
