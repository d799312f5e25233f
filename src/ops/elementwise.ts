import type { Tensor } from "../tensor/tensor.js";
import { activationKinds, type Activation } from "./activation.js";
import { floatType, sameShape } from "./check.js";
import { dispatch } from "./dispatch.js";
import { invocations } from "./grid.js";
import { operand, perLine, type Operand } from "./parts.js";
import { ShapeError } from "./shape-error.js";

/**
 * a + b. `b` has the shape of `a` or is broadcast: over the batch (`[1, ...]`), over positions (`[B, C]`, also with
 * axes of size 1 in between), or over both (`[C]`).
 */
export function add(a: Tensor, b: Tensor): Tensor {
  return dispatchCombine("add", a, b, { scaleA: 1, scaleB: 1 });
}

/** a - b; `b` may be broadcast as in `add`. */
export function subtract(a: Tensor, b: Tensor): Tensor {
  return dispatchCombine("subtract", a, b, { scaleA: 1, scaleB: -1 });
}

/** a · b, elementwise; `b` may be broadcast as in `add`. */
export function multiply(a: Tensor, b: Tensor): Tensor {
  return dispatchCombine("multiply", a, b, "multiply");
}

/** a · scaleA + b · scaleB; `b` may be broadcast as in `add`. */
export function combine(a: Tensor, scaleA: number, b: Tensor, scaleB: number): Tensor {
  return dispatchCombine("combine", a, b, { scaleA, scaleB });
}

/** x · factor. */
export function scaleBy(x: Tensor, factor: number): Tensor {
  return dispatchPointwise("scaleBy", x, { scale: factor });
}

/** x · scale + offset. */
export function affine(x: Tensor, scale: number, offset: number): Tensor {
  return dispatchPointwise("affine", x, { scale, offset });
}

export function activate(x: Tensor, activation: Activation): Tensor {
  return dispatchPointwise("activate", x, { activation });
}

/** min(max(x, low), high); NaN stays NaN. */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  return dispatchPointwise("clamp", x, { limits: [low, high] });
}

/**
 * `[..., 2N]` to `[..., N]`: the first half times the SiLU of the second (SwiGLU, Shazeer 2020; halves as in
 * DALLE2-pytorch).
 */
export function swiglu(x: Tensor): Tensor {
  return dispatchGatedLinear("swiglu", x, "silu");
}

/** `[..., 2N]` to `[..., N]`: the first half times the exact GELU of the second (GEGLU, Shazeer 2020). */
export function geglu(x: Tensor): Tensor {
  return dispatchGatedLinear("geglu", x, "gelu");
}

function dispatchGatedLinear(op: string, x: Tensor, activation: Activation): Tensor {
  if (x.channels % 2 !== 0) throw new ShapeError(op, "x", x.shape, "an even number of channels");
  const channels = x.channels / 2;
  const Element = floatType(op, "x", x);
  const y = x.arena.empty([...x.shape.slice(0, -1), channels], Element);
  const [channels4, xChannels4] = [y.stride / 4, x.stride / 4];
  dispatch(x.arena.stream, "gatedLinear", {
    op,
    types: { Element },
    overrides: { ALIGNED: channels % 4 === 0 },
    space: { samples: 1, lines: y.rows },
    operands: { x: perLine(x), y: perLine(y) },
    call: ({ lines }) => ({
      params: {
        invocations: lines * channels4,
        channels,
        channels4,
        x_channels4: xChannels4,
        activation: activationKinds[activation],
      },
      grid: invocations(lines * channels4),
    }),
  });
  return y;
}

interface Pointwise {
  readonly activation?: Activation;
  readonly scale?: number;
  readonly offset?: number;
  readonly limits?: readonly [low: number, high: number];
}

/** clamp(activation(x · scale + offset), ...limits) */
function dispatchPointwise(op: string, x: Tensor, choice: Pointwise): Tensor {
  const { activation = "none", scale = 1, offset = 0, limits } = choice;
  const [low, high] = limits ?? [0, 0];
  const clamps = Number(limits !== undefined);
  const Element = floatType(op, "x", x);
  const y = x.arena.empty(x.shape, Element);
  const { channels } = x;
  const channels4 = x.stride / 4;
  dispatch(x.arena.stream, "pointwise", {
    op,
    types: { Element },
    overrides: { ACTIVATION: activationKinds[activation], PADDED: channels % 4 !== 0 },
    space: { samples: 1, lines: x.rows },
    operands: { x: perLine(x), y: perLine(y) },
    call: ({ lines }) => ({
      params: { invocations: lines * channels4, channels, channels4, scale, offset, clamps, low, high },
      grid: invocations(lines * channels4),
    }),
  });
  return y;
}

function dispatchCombine(
  op: string,
  a: Tensor,
  b: Tensor,
  operation: "multiply" | { readonly scaleA: number; readonly scaleB: number },
): Tensor {
  const Element = floatType(op, "a", a);
  if (b.dtype !== a.dtype) throw new ShapeError(op, "b", b.dtype, `${a.dtype}, the dtype of a (see cast)`);
  const strides = broadcastStrides(op, a, b);
  const [scaleA, scaleB] = operation === "multiply" ? [1, 1] : [operation.scaleA, operation.scaleB];
  const y = a.arena.empty(a.shape, a.dtype);
  const samples = a.shape.length < 2 ? 1 : a.shape[0]!;
  const positions = a.rows / samples;
  const channels4 = a.stride / 4;
  dispatch(a.arena.stream, "combine", {
    op,
    types: { Element },
    overrides: { MULTIPLY: operation === "multiply", BROADCAST: !sameShape(a.shape, b.shape) },
    space: { samples, lines: positions },
    operands: { a: perLine(a), b: broadcastOperand(b, strides), y: perLine(y) },
    call: ({ lines, count }) => ({
      params: {
        invocations: count * channels4,
        positions: lines,
        channels4,
        b_batch_stride4: strides.batch / 4,
        b_position_stride4: strides.position / 4,
        scale_a: scaleA,
        scale_b: scaleB,
      },
      grid: invocations(count * channels4),
    }),
  });
  return y;
}

interface BroadcastStrides {
  readonly batch: number;
  readonly position: number;
}

/** What a part of the result uses of `b`. */
function broadcastOperand(b: Tensor, { batch, position }: BroadcastStrides): Operand {
  return operand(b, ({ sample, samples, line, lines }) => {
    const start = sample * batch + line * position;
    return [{ start, end: start + (samples - 1) * batch + (lines - 1) * position + b.stride }];
  });
}

/** Returns the strides of `b` for the samples and the positions of `a`; 0 where `b` is broadcast. */
function broadcastStrides(op: string, a: Tensor, b: Tensor): BroadcastStrides {
  const batch = b.shape.length === 1 ? 1 : b.shape[0]!;
  const positions = b.shape.slice(1, -1);
  const hasBatch = batch !== 1;
  const hasPositions = positions.some((size) => size !== 1);
  const fits =
    a.channels === b.channels &&
    (!hasBatch || batch === a.shape[0]) &&
    (!hasPositions || sameShape(positions, a.shape.slice(1, -1)));
  if (!fits) throw new ShapeError(op, "b", b.shape, `[${a.shape.join(", ")}], or broadcast over batch or positions`);
  return { batch: hasBatch ? (b.rows / batch) * b.stride : 0, position: hasPositions ? b.stride : 0 };
}
