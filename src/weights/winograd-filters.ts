import type { WinogradForm } from "../gpu/tuning.js";
import { isSourceFormat, packRows, sourceOf } from "../ops/pack.js";
import { transformFilters } from "../ops/product/winograd-filters.js";
import { winogradNumbers } from "../ops/product/winograd.js";
import { padChannels } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { toFloat32 } from "./dtypes.js";
import { partsOf } from "./head-axis.js";
import type { Weights } from "./store.js";
import type { RowRange, TensorEntry } from "./tensor-entry.js";
import { PIECE_BYTES } from "./upload.js";

/** The weight of a 3×3 convolution for `winogradConv2d`. */
interface FilterShape {
  readonly inputs: number;
  readonly outputs: number;
  readonly form: WinogradForm;
  /** Computes from some output channels of the weight, `[3, 3, in, rows]` in f32, what is transformed. Default: the same. */
  readonly prepare?: (weight: Tensor) => Tensor;
}

/** 3×3. */
const TAPS = 9;

/**
 * Declares the weight of a 3×3 convolution, `[out, in, 3, 3]` in the file, transformed to `[points, in, out]` in f32 for
 * `winogradConv2d`. The transform is of the values in the file: what it gives is not exact in f16.
 */
export function winogradFilters(
  weights: Weights,
  name: string,
  { inputs, outputs, form, prepare }: FilterShape,
): Tensor {
  const { arena, store } = weights;
  const full = weights.at(name).path;
  const filters = store.own(arena.packed([winogradNumbers(form).points, inputs, outputs], "f32", full));
  const most = Math.min(PIECE_BYTES, arena.stream.maxBindingSize) / (4 * TAPS * padChannels(inputs));
  const pieces = (): RowRange[] => partsOf(outputs, most).map(({ start, size }) => [start, start + size]);
  const upload = (bytes: Uint8Array<ArrayBuffer>, { dtype }: TensorEntry, piece: number): void => {
    const [start, end] = pieces()[piece]!;
    const [content, format] = isSourceFormat(dtype)
      ? [bytes, dtype]
      : [new Uint8Array(toFloat32(dtype, bytes).buffer), "F32" as const];
    arena.scope(() => {
      const weight = arena.adopt(arena.packed([3, 3, inputs, end - start], "f32"));
      packRows(sourceOf(arena, content, format), weight, {
        firstRow: 0,
        rows: end - start,
        inputs,
        taps: TAPS,
        format,
      });
      transformFilters(prepare ? arena.adopt(prepare(weight)) : weight, filters, form, start);
    });
  };
  store.request(full, [outputs, inputs, 3, 3], { pieces, store: upload }, filters);
  return filters;
}
