import { elementCount } from "../dtypes.js";

/** A view of elements in memory or in a file. Strides count elements. */
export interface StridedView {
  readonly shape: readonly number[];
  readonly strides: readonly number[];
}

/** True if the elements of a view are in row-major order without gaps. */
export function isContiguous({ shape, strides }: StridedView): boolean {
  let expected = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    // The stride of an axis of size 1 is never used, and torch writes any value there.
    if (shape[axis] !== 1 && strides[axis] !== expected) return false;
    expected *= shape[axis]!;
  }
  return true;
}

/** Elements from the first to the last of a view, inclusive; 0 for an empty view. */
export function spanElements({ shape, strides }: StridedView): number {
  if (shape.includes(0)) return 0;
  return shape.reduce((last, extent, axis) => last + (extent - 1) * strides[axis]!, 1);
}

/** Copies the elements of a view (1, 2, 4 or 8 bytes each) to row-major bytes. Its first element is the first of `span`. */
export function gather(span: Uint8Array<ArrayBuffer>, itemBytes: number, view: StridedView): Uint8Array<ArrayBuffer> {
  const Words = WORDS[itemBytes]!;
  const from = new Words(span.buffer);
  const to = new Words(elementCount(view.shape));
  const last = view.shape.length - 1;
  let next = 0;
  const copyAxis = (axis: number, start: number): void => {
    const stride = view.strides[axis]!;
    const extent = view.shape[axis]!;
    if (axis < last) for (let i = 0; i < extent; i++) copyAxis(axis + 1, start + i * stride);
    else for (let i = 0; i < extent; i++) to[next++] = from[start + i * stride]!;
  };
  copyAxis(0, 0);
  return new Uint8Array(to.buffer);
}

// Elements are moved as words of their size, whatever their type.
const WORDS: Readonly<
  Record<number, Uint8ArrayConstructor | Uint16ArrayConstructor | Uint32ArrayConstructor | BigUint64ArrayConstructor>
> = {
  1: Uint8Array,
  2: Uint16Array,
  4: Uint32Array,
  8: BigUint64Array,
};
