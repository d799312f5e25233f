import { InternalError } from "../platform/internal-error.js";
import { MAX_GROUPS } from "../gpu/grid.js";
import type { ComputeType } from "../tensor/dtype.js";
import type { Tensor } from "../tensor/tensor.js";
import { activationKinds, type Activation } from "./activation.js";
import { ShapeError } from "./shape-error.js";

export interface LinearOptions {
  /** `[out]`, f32. */
  readonly bias?: Tensor | undefined;
  readonly activation?: Activation | undefined;
  /** `[..., out]`, added after the activation. */
  readonly residual?: Tensor | undefined;
}

// The workgroup of kernels/matmul.wgsl is 4 × 8 invocations.
const GROUP_COLUMNS = 4;
const GROUP_ROWS = 8;

/** Output tile of one invocation, in rows and vec4s of columns. */
export const GEMM_TILE = { TILE_ROWS: 4, TILE_VECTORS: 2 } as const;

/** Workgroups that cover `rows` × `vectors` outputs; rows beyond 65535 workgroups go on in z. */
export function gemmGrid(rows: number, vectors: number): [number, number, number] {
  const y = Math.ceil(rows / (GROUP_ROWS * GEMM_TILE.TILE_ROWS));
  const x = Math.ceil(vectors / (GROUP_COLUMNS * GEMM_TILE.TILE_VECTORS));
  return [x, Math.min(y, MAX_GROUPS), Math.ceil(y / MAX_GROUPS)];
}

/** Storage type of a float tensor, for a kernel's `Element`. */
export function elementType(tensor: Tensor): ComputeType {
  if (tensor.dtype === "u32") throw new InternalError("u32 tensors hold indices and masks, not activations.");
  return tensor.dtype;
}

/**
 * `activation(x · W + bias) + residual` over the last axis.
 * `x` is `[..., in]`, `weight` comes packed `[in, out]` from `Weights.linear`; the result is `[..., out]`.
 */
export function linear(x: Tensor, weight: Tensor, { bias, activation = "none", residual }: LinearOptions = {}): Tensor {
  const [inputs, outputs] = weight.shape as [number, number];
  if (weight.shape.length !== 2) throw new ShapeError("linear", "weight", weight.shape, ["in", "out"]);
  if (x.channels !== inputs) throw new ShapeError("linear", "x", x.shape, ["...", inputs]);
  const shape = [...x.shape.slice(0, -1), outputs];
  checkEpilogue("linear", x, shape, bias, residual);
  const y = x.arena.empty(shape, x.dtype);
  x.arena.stream.dispatch("matmul", {
    types: { Element: elementType(x) },
    constants: GEMM_TILE,
    bindings: {
      x: x.storage,
      w: weight.storage,
      bias: bias?.storage,
      residual: residual?.storage,
      y: y.storage,
    },
    params: {
      rows: x.rows,
      inner_vectors: x.stride / 4,
      column_vectors: y.stride / 4,
      ...epilogueParams(activation, bias, residual),
    },
    grid: gemmGrid(x.rows, y.stride / 4),
  });
  return y;
}

/** Parameters of what a matrix kernel applies to its product. */
export function epilogueParams(activation: Activation, bias: Tensor | undefined, residual: Tensor | undefined) {
  return { activation: activationKinds[activation], has_bias: bias ? 1 : 0, has_residual: residual ? 1 : 0 };
}

/** Checks what is applied to a matrix product before it is stored. */
export function checkEpilogue(
  op: string,
  x: Tensor,
  shape: readonly number[],
  bias: Tensor | undefined,
  residual: Tensor | undefined,
): void {
  if (bias && (bias.dtype !== "f32" || bias.channels !== shape.at(-1) || bias.rows !== 1)) {
    throw new ShapeError(op, `bias (${bias.dtype})`, bias.shape, [shape.at(-1) ?? 1]);
  }
  if (residual && (residual.dtype !== x.dtype || residual.shape.join() !== shape.join())) {
    throw new ShapeError(op, `residual (${residual.dtype})`, residual.shape, shape);
  }
}
