import type { Activation } from "../../src/ops/activation.js";

/** Float64 versions of the matrix kernels. Arrays are logical: without padding. */

export function activation64(kind: Activation, x: number): number {
  if (kind === "silu") return x / (1 + Math.exp(-x));
  if (kind === "quickGelu") return x / (1 + Math.exp(-1.702 * x));
  if (kind === "relu") return Math.max(x, 0);
  if (kind === "mish") return x * Math.tanh(x > 30 ? x : Math.log1p(Math.exp(x)));
  if (kind === "geluTanh") return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
  return kind === "gelu" ? 0.5 * x * (1 + erf(x / Math.SQRT2)) : x;
}

/** erf by its Taylor series if that is exact enough, else by the continued fraction of erfc (Lentz). */
export function erf(x: number): number {
  const z = Math.abs(x);
  if (z < 2.5) {
    let term = z;
    let sum = z;
    for (let n = 1; Math.abs(term) > 1e-18 * sum; n++) {
      term *= (-z * z) / n;
      sum += term / (2 * n + 1);
      if (n > 200) break;
    }
    return Math.sign(x) * sum * (2 / Math.sqrt(Math.PI));
  }
  let fraction = 0;
  for (let n = 60; n >= 1; n--) fraction = n / 2 / (z + fraction);
  return Math.sign(x) * (1 - Math.exp(-z * z) / (Math.sqrt(Math.PI) * (z + fraction)));
}

export interface Epilogue {
  readonly bias?: Float32Array | undefined;
  readonly activation: Activation;
  readonly residual?: Float32Array | undefined;
}

/** `x` `[rows, inputs]` times torch's `w` `[outputs, inputs]`. */
export function linear64(
  x: Float32Array,
  w: Float32Array,
  [rows, inputs, outputs]: readonly [number, number, number],
  { bias, activation, residual }: Epilogue,
): Float64Array {
  const y = new Float64Array(rows * outputs);
  for (let m = 0; m < rows; m++) {
    for (let n = 0; n < outputs; n++) {
      let sum = bias?.[n] ?? 0;
      for (let k = 0; k < inputs; k++) sum += x[m * inputs + k]! * w[n * inputs + k]!;
      y[m * outputs + n] = activation64(activation, sum) + (residual?.[m * outputs + n] ?? 0);
    }
  }
  return y;
}

export interface ConvCase {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly inputs: number;
  readonly outputs: number;
  readonly kernel: readonly [number, number];
  readonly stride: number;
  readonly padding: number;
  /** Below and right, if that is another padding. */
  readonly paddingAfter?: number;
}

/** `x` NHWC with torch's `w` `[outputs, inputs, kh, kw]`, NHWC out. */
export function conv64(
  x: Float32Array,
  w: Float32Array,
  c: ConvCase,
  { bias, activation, residual }: Epilogue,
): Float64Array {
  const [kh, kw] = c.kernel;
  const around = c.padding + (c.paddingAfter ?? c.padding);
  const oh = Math.floor((c.height + around - kh) / c.stride) + 1;
  const ow = Math.floor((c.width + around - kw) / c.stride) + 1;
  const y = new Float64Array(c.batch * oh * ow * c.outputs);
  let at = 0;
  for (let b = 0; b < c.batch; b++) {
    for (let oy = 0; oy < oh; oy++) {
      for (let ox = 0; ox < ow; ox++) {
        for (let o = 0; o < c.outputs; o++, at++) {
          let sum = bias?.[o] ?? 0;
          for (let ky = 0; ky < kh; ky++) {
            const iy = oy * c.stride + ky - c.padding;
            for (let kx = 0; kx < kw; kx++) {
              const ix = ox * c.stride + kx - c.padding;
              if (iy < 0 || iy >= c.height || ix < 0 || ix >= c.width) continue;
              const from = ((b * c.height + iy) * c.width + ix) * c.inputs;
              for (let i = 0; i < c.inputs; i++) sum += x[from + i]! * w[((o * c.inputs + i) * kh + ky) * kw + kx]!;
            }
          }
          y[at] = activation64(activation, sum) + (residual?.[at] ?? 0);
        }
      }
    }
  }
  return y;
}

export interface ConvTransposeCase {
  readonly batch: number;
  readonly height: number;
  readonly width: number;
  readonly inputs: number;
  readonly outputs: number;
}

/**
 * `x` NHWC with torch's `w` `[inputs, outputs, 4, 4]`, stride 2 and padding 1, NHWC out: each input pixel adds its multiple
 * of the kernel to the result.
 */
export function convTranspose64(
  x: Float32Array,
  w: Float32Array,
  { batch, height, width, inputs, outputs }: ConvTransposeCase,
  { bias, activation, residual }: Epilogue,
): Float64Array {
  const [outHeight, outWidth] = [2 * height, 2 * width];
  const y = Float64Array.from({ length: batch * outHeight * outWidth * outputs }, (_, at) => bias?.[at % outputs] ?? 0);
  for (let pixel = 0; pixel < batch * height * width; pixel++) {
    const image = Math.floor(pixel / (height * width));
    for (let tap = 0; tap < 16; tap++) {
      const oy = (Math.floor(pixel / width) % height) * 2 - 1 + Math.floor(tap / 4);
      const ox = (pixel % width) * 2 - 1 + (tap % 4);
      if (oy < 0 || oy >= outHeight || ox < 0 || ox >= outWidth) continue;
      for (let i = 0; i < inputs; i++) {
        for (let o = 0; o < outputs; o++) {
          const to = ((image * outHeight + oy) * outWidth + ox) * outputs + o;
          y[to]! += x[pixel * inputs + i]! * w[(i * outputs + o) * 16 + tap]!;
        }
      }
    }
  }
  return y.map((value, at) => activation64(activation, value) + (residual?.[at] ?? 0));
}
