import { alternatives } from "../../gpu/kernel-sources.js";
import type { CommandStream } from "../../gpu/stream.js";
import type { WinogradForm, WinogradRule } from "../../gpu/tuning.js";
import { padChannels } from "../../tensor/dtype.js";
import type { Tensor } from "../../tensor/tensor.js";
import { checkAxes, floatType } from "../check.js";
import { dispatch, dispatchPart } from "../dispatch.js";
import { checkEpilogue, epilogueParams, type Epilogue } from "../epilogue.js";
import { invocations } from "../grid.js";
import { packedPanels } from "../panels.js";
import { chunkedRows, fixedSpan, operand, partsOf, perRows, type Operand, type Part, type RowsOf } from "../parts.js";
import { InternalError } from "../../platform/internal-error.js";
import { ShapeError } from "../shape-error.js";
import { broadcastVariant, productGrid, type BroadcastVariant } from "./kernels.js";

/** Numbers of a form. */
export function winogradNumbers(form: WinogradForm): { readonly outputs: number; readonly points: number } {
  const { OUTPUTS: outputs, POINTS: points } = alternatives.winograd[form].fixed;
  return { outputs, points: points ** 2 };
}

/** Returns the rule for a 3×3 convolution in the tuning table of the device; undefined if it is always computed by its sums. */
export function winogradRule(stream: CommandStream, inputs: number, outputs: number): WinogradRule | undefined {
  if (!broadcastVariant(stream, { rows: 1, vectors: padChannels(outputs) / 4 })) return undefined;
  return stream.tuning.winograd?.find(({ form, minChannels = 1, maxBytes = Infinity }) => {
    const bytes = 4 * winogradNumbers(form).points * padChannels(inputs) * padChannels(outputs);
    return Math.min(inputs, outputs) >= minChannels && bytes <= maxBytes;
  });
}

/** Whether images are large enough for a rule. It does not depend on how many there are: an image is the same in any batch. */
export function isForImages({ form, minTiles = 1 }: WinogradRule, { shape }: Tensor): boolean {
  const [, height = 0, width = 0] = shape;
  const { outputs: size } = winogradNumbers(form);
  return Math.ceil(height / size) * Math.ceil(width / size) >= minTiles;
}

/** Most bytes of what is between the kernels: enough tiles to fill products, and little enough for the caches. */
const BYTES_BETWEEN = 2 ** 24;

/**
 * `conv2d` with a 3×3 kernel, stride 1 and padding 1, by Winograd's products of transformed tiles. `filters` is `[points, in,
 * out]` in f32, from `transformFilters`. Rounding errors are larger than those of `conv2d`: relative to the largest value
 * of the result about 1e-6 for F(2×2), and 3e-6 for F(4×4).
 */
export function winogradConv2d(x: Tensor, filters: Tensor, form: WinogradForm, epilogue: Epilogue = {}): Tensor {
  checkAxes("conv2d", "x", x, ["batch", "height", "width", "in"]);
  const { outputs: size, points } = winogradNumbers(form);
  const [batch, height, width, inputs] = x.shape as [number, number, number, number];
  const [, , outputs = 0] = filters.shape;
  if (filters.dtype !== "f32" || filters.shape[0] !== points || filters.shape[1] !== inputs || outputs === 0) {
    throw new ShapeError("conv2d", `filters (${filters.dtype})`, filters.shape, [points, inputs, "out"]);
  }
  const y = x.arena.empty([batch, height, width, outputs], floatType("conv2d", "x", x));
  checkEpilogue("conv2d", x, y.shape, epilogue);
  const lines = Math.ceil(height / size);
  const tiling = { form, size, points, lines, columns: Math.ceil(width / size) };
  const tensors = { x, filters, y };
  for (const part of partsOfTiles(tensors, tiling, epilogue)) {
    x.arena.scope(() => {
      convolveTiles(tensors, tiling, epilogue, part);
    });
  }
  return y;
}

/** The tiles of an image. */
interface Tiling {
  readonly form: WinogradForm;
  /** Pixels of the result in a tile, in each direction. */
  readonly size: number;
  /** Products. */
  readonly points: number;
  /** Rows of tiles, and tiles in a row. */
  readonly lines: number;
  readonly columns: number;
}

interface ConvTensors {
  readonly x: Tensor;
  readonly filters: Tensor;
  readonly y: Tensor;
}

/** Divides the tiles into parts, of which little memory is between the kernels. */
function partsOfTiles({ x, y }: ConvTensors, tiling: Tiling, epilogue: Epilogue): readonly Part[] {
  const { stream } = x.arena;
  const [batch = 0] = x.shape;
  const space = { samples: batch, lines: tiling.lines };
  const rowBytes = 4 * tiling.points * Math.max(x.stride, y.stride);
  const bytesOf = (lines: number): number => rowBytes * productsOf(stream, lines * tiling.columns, y.stride / 4).rows;
  const between: Operand = { ...operand(y, ({ count }) => [{ start: 0, end: bytesOf(count) }]), elementBytes: 1 };
  const limit = Math.min(stream.maxBindingSize, Math.max(BYTES_BETWEEN, bytesOf(1)));
  const operands = [inputOperand(x, tiling), ...Object.values(resultOperands(y, tiling, epilogue)), between];
  return partsOf(
    "conv2d",
    space,
    operands.filter((one) => one !== undefined),
    limit,
  );
}

/** Rows of the image that rows of tiles see. */
function rowsSeen(x: Tensor, { size }: Tiling): RowsOf {
  const [, height = 0] = x.shape;
  return ({ line, lines }) => [Math.max(line * size - 1, 0), Math.min((line + lines) * size + 1, height)];
}

function inputOperand(x: Tensor, tiling: Tiling): Operand {
  const [, height = 0, width = 0] = x.shape;
  return perRows(x, height, width * x.stride, rowsSeen(x, tiling));
}

function resultOperands(y: Tensor, { size }: Tiling, { residual }: Epilogue) {
  const [, height = 0, width = 0] = y.shape;
  const of = (tensor: Tensor): Operand => perRows(tensor, height, width * y.stride, chunkedRows(height, size));
  return { residual: residual && of(residual), y: of(y) };
}

function convolveTiles(tensors: ConvTensors, tiling: Tiling, epilogue: Epilogue, part: Part): void {
  const { x, filters, y } = tensors;
  const { arena } = x;
  const products = productsOf(arena.stream, part.count * tiling.columns, tensors.y.stride / 4);
  const v = arena.empty([tiling.points * products.rows, x.stride], "f32");
  transformInput(x, v, tiling, part, products.rows);
  const m = arena.empty([tiling.points * products.rows, y.stride], "f32");
  multiply({ v, filters, m }, products);
  transformResult(m, y, epilogue, tiling, part, products.rows);
}

/** The products for a number of tiles: their kernel, and in each whole workgroups of rows. */
interface Products {
  readonly variant: BroadcastVariant;
  readonly groups: number;
  /** Rows in each, of which those after the last tile have no meaning. */
  readonly rows: number;
}

function productsOf(stream: CommandStream, tiles: number, vectors: number): Products {
  const variant = broadcastVariant(stream, { rows: tiles, vectors });
  if (!variant) {
    throw new InternalError("Filters were transformed for an adapter that has no kernel for their products.");
  }
  const groups = Math.ceil(tiles / variant.tile.rows);
  return { variant, groups, rows: groups * variant.tile.rows };
}

function transformInput(x: Tensor, v: Tensor, tiling: Tiling, part: Part, productRows: number): void {
  const [batch = 0, height = 0, width = 0] = x.shape;
  const rowsOf = rowsSeen(x, tiling);
  const call = (one: Part) => {
    const firstRow = one.isWhole ? 0 : rowsOf(one)[0];
    const count = one.count * tiling.columns * (x.stride / 4);
    return {
      params: {
        invocations: count,
        height: height - firstRow,
        width,
        vectors: x.stride / 4,
        tile_rows: one.lines,
        tile_columns: tiling.columns,
        product_rows: productRows,
        top: one.line * tiling.size - 1 - firstRow,
        points: Math.sqrt(tiling.points),
      },
      grid: invocations(count),
    };
  };
  const dispatched = {
    op: "conv2d",
    types: { Element: floatType("conv2d", "x", x) },
    choices: { winograd: tiling.form },
    space: { samples: batch, lines: tiling.lines },
    operands: { x: inputOperand(x, tiling), v: v.storage },
    call,
  };
  dispatchPart(x.arena.stream, "winogradInput", dispatched, part);
}

interface ProductTensors {
  readonly v: Tensor;
  readonly filters: Tensor;
  readonly m: Tensor;
}

function multiply({ v, filters, m }: ProductTensors, { variant: { constants, tile }, groups }: Products): void {
  for (const { first, vectors, span } of packedPanels(filters)) {
    dispatch(v.arena.stream, "winogradProducts", {
      op: "conv2d",
      constants,
      space: { samples: 1, lines: 1 },
      operands: { v: v.storage, filters: fixedSpan(filters, span), m: m.storage },
      call: () => ({
        params: {
          first_vector: first,
          panel_vectors: vectors,
          column_vectors: m.stride / 4,
          inner_vectors: v.stride / 4,
          product_groups: groups,
        },
        grid: productGrid(tile, v.rows, vectors),
      }),
    });
  }
}

function transformResult(
  m: Tensor,
  y: Tensor,
  epilogue: Epilogue,
  tiling: Tiling,
  part: Part,
  productRows: number,
): void {
  const [batch = 0, height = 0, width = 0] = y.shape;
  const rowsOf = chunkedRows(height, tiling.size);
  const dispatched = {
    op: "conv2d",
    types: { Element: floatType("conv2d", "y", y) },
    choices: { winograd: tiling.form },
    space: { samples: batch, lines: tiling.lines },
    operands: { m: m.storage, bias: epilogue.bias?.storage, ...resultOperands(y, tiling, epilogue) },
    call: (one: Part) => {
      const [from, to] = one.isWhole ? [0, height] : rowsOf(one);
      const count = one.count * tiling.columns * (y.stride / 4);
      return {
        params: {
          invocations: count,
          first_vector: 0,
          height: to - from,
          width,
          tile_rows: one.lines,
          tile_columns: tiling.columns,
          product_rows: productRows,
          points: Math.sqrt(tiling.points),
          outputs: tiling.size,
          ...epilogueParams(y, epilogue),
        },
        grid: invocations(count),
      };
    },
  };
  dispatchPart(y.arena.stream, "winogradResult", dispatched, part);
}
