import type { StorageRange } from "../../gpu/storage.js";
import type { Tensor } from "../../tensor/tensor.js";
import { floatType, weightType } from "../check.js";
import { dispatch } from "../dispatch.js";
import { epilogueOperands, epilogueParams, type Epilogue } from "../epilogue.js";
import { invocations } from "../grid.js";
import { packedPanels, type Panel } from "../panels.js";
import { fixedSpan, type Operand, type Part, type Space } from "../parts.js";
import type { ProductKernel } from "./call.js";
import { productGrid, productKernel } from "./kernels.js";

/** A product `linear` or `conv2d`. */
interface Product<Params> {
  readonly op: "linear" | "conv2d";
  readonly x: Tensor;
  readonly weight: Tensor;
  readonly y: Tensor;
  readonly epilogue: Epilogue;
  /** Samples and lines of the result. */
  readonly space: Space;
  /** Elements of the result in a line. */
  readonly lineSize: number;
  /** What parts use of x. */
  readonly input: Operand;
  /** Returns the rows of a part: tokens or pixels. */
  readonly rows: (part: Part) => number;
  /** Returns the parameters of a part that all kernels of the operation have, without those of the epilogue and the panel. */
  readonly params: (part: Part) => Params;
}

type LinearParams = Readonly<Record<"rows" | "inner_vectors", number>>;
type ConvParams = Readonly<
  Record<
    | "pixels"
    | "height"
    | "width"
    | "in_vectors"
    | "out_height"
    | "out_width"
    | "kernel_height"
    | "kernel_width"
    | "stride"
    | "padding"
    | "top",
    number
  >
>;

/** Computes a linear layer, panel by panel of the weight, by the kernels that the tuning table of the device chooses. */
export function runLinear(product: Product<LinearParams>): void {
  forEachPanel(product, ({ linear, ...kernel }, panel) => (to) => {
    dispatch(product.x.arena.stream, linear, dispatchOf(product, kernel, panel, to));
  });
}

/** The same for a convolution. */
export function runConv2d(product: Product<ConvParams>): void {
  forEachPanel(product, ({ conv2d, ...kernel }, panel) => (to) => {
    dispatch(product.x.arena.stream, conv2d, dispatchOf(product, kernel, panel, to));
  });
}

/** What a dispatch writes: the result, or the sums of each of several workgroups. */
interface Target {
  readonly operands: Readonly<Record<"bias" | "residual" | "y", Operand | StorageRange | undefined>>;
  readonly epilogue: Epilogue;
  readonly splits: number;
}

type Variant = Omit<ProductKernel, "linear" | "conv2d" | "splits">;

function dispatchOf<Params>(
  { op, weight, y, input, space, rows, params }: Product<Params>,
  { types, choices, constants, tile }: Variant,
  { first, vectors, span }: Panel,
  { operands, epilogue, splits }: Target,
) {
  return {
    op,
    types: splits > 1 ? { ...types, Element: "f32" as const } : types,
    choices,
    constants: splits > 1 ? { ...constants, PARTIAL: 1 } : constants,
    space,
    operands: { x: input, w: fixedSpan(weight, span), ...operands },
    call: (part: Part) => {
      const [x, row, z] = productGrid(tile, rows(part), vectors);
      return {
        params: { ...params(part), first_vector: first, panel_vectors: vectors, ...epilogueParams(y, epilogue) },
        grid: [x, row, splits > 1 ? splits : z] as const,
      };
    },
  };
}

function forEachPanel<Params>(
  product: Product<Params>,
  encoderOf: (kernel: ProductKernel, panel: Panel) => (to: Target) => void,
): void {
  const { op, x, weight, y, epilogue, lineSize } = product;
  const { stream } = x.arena;
  const limit = stream.maxBindingSize;
  const partialBytes = [x, y].some(({ storage }) => storage.byteLength > limit) ? 0 : limit;
  const taps = weight.shape.slice(0, -2).reduce((count, size) => count * size, 1);
  const [dtype, weights] = [floatType(op, "x", x), weightType(op, weight)];
  for (const panel of packedPanels(weight)) {
    const { vectors } = panel;
    const call = { rows: y.rows, vectors, channels4: x.stride / 4, taps, dtype, weights, partialBytes };
    const kernel = productKernel(stream, call);
    const encode = encoderOf(kernel, panel);
    if (kernel.splits > 1) addPartials(product, panel, kernel.splits, encode);
    else encode({ operands: epilogueOperands(y, lineSize, epilogue), epilogue, splits: 1 });
  }
}

/** Lets several workgroups compute sums of each tile, then adds these. */
function addPartials<Params>(
  { op, y, epilogue }: Product<Params>,
  { first, vectors }: Panel,
  splits: number,
  encode: (to: Target) => void,
): void {
  const { arena } = y;
  arena.scope(() => {
    const { storage } = arena.empty([splits, y.rows, 4 * vectors], "f32");
    encode({ operands: { bias: undefined, residual: undefined, y: storage }, epilogue: {}, splits });
    dispatch(arena.stream, "splitSum", {
      op,
      types: { Element: floatType(op, "y", y) },
      space: { samples: 1, lines: 1 },
      operands: { partials: storage, ...epilogueOperands(y, y.rows * y.stride, epilogue) },
      call: () => ({
        params: {
          invocations: y.rows * vectors,
          splits,
          first_vector: first,
          panel_vectors: vectors,
          ...epilogueParams(y, epilogue),
        },
        grid: invocations(y.rows * vectors),
      }),
    });
  });
}
