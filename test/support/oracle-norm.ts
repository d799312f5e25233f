/** Float64 versions of the normalisations, written from their formulas. */

type Values = ArrayLike<number>;

const silu = (x: number) => x / (1 + Math.exp(-x));

function moments(values: number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, variance };
}

/** x: `[batch, positions, channels]`; scaleShift: `[batch, 2 · channels]`. */
export function groupNorm(
  x: Values,
  [batch, positions, channels]: readonly [number, number, number],
  options: {
    groups: number;
    weight: Values;
    bias: Values;
    eps: number;
    scaleShift?: Values | undefined;
    activation: "none" | "silu";
  },
): Float64Array {
  const { groups, weight, bias, eps, scaleShift, activation } = options;
  const width = channels / groups;
  const y = new Float64Array(x.length);
  for (let b = 0; b < batch; b++) {
    for (let g = 0; g < groups; g++) {
      const places: { at: number; c: number }[] = [];
      for (let p = 0; p < positions; p++) {
        for (let c = g * width; c < (g + 1) * width; c++) places.push({ at: (b * positions + p) * channels + c, c });
      }
      const { mean, variance } = moments(places.map(({ at }) => x[at]!));
      for (const { at, c } of places) {
        let value = ((x[at]! - mean) / Math.sqrt(variance + eps)) * weight[c]! + bias[c]!;
        if (scaleShift)
          value = value * (scaleShift[b * 2 * channels + c]! + 1) + scaleShift[(b * 2 + 1) * channels + c]!;
        y[at] = activation === "silu" ? silu(value) : value;
      }
    }
  }
  return y;
}

/** x: `[rows, channels]`. */
export function layerNorm(
  x: Values,
  [rows, channels]: readonly [number, number],
  options: {
    weight?: Values | undefined;
    bias?: Values | undefined;
    eps: number;
    stable: boolean;
    residual?: Values | undefined;
  },
): Float64Array {
  const { weight, bias, eps, stable, residual } = options;
  const y = new Float64Array(x.length);
  for (let row = 0; row < rows; row++) {
    let values = Array.from({ length: channels }, (_, c) => x[row * channels + c]!);
    const largest = Math.max(...values);
    if (stable && largest !== 0) values = values.map((value) => value / largest);
    const { mean, variance } = moments(values);
    values.forEach((value, c) => {
      const normal = (value - mean) / Math.sqrt(variance + eps);
      y[row * channels + c] = normal * (weight?.[c] ?? 1) + (bias?.[c] ?? 0) + (residual?.[row * channels + c] ?? 0);
    });
  }
  return y;
}

/** x: `[rows, channels]`. */
export function l2Norm(x: Values, channels: number, eps: number, scale: number): Float64Array {
  const y = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += channels) {
    let squares = 0;
    for (let c = 0; c < channels; c++) squares += x[start + c]! ** 2;
    for (let c = 0; c < channels; c++) y[start + c] = (x[start + c]! / Math.max(Math.sqrt(squares), eps)) * scale;
  }
  return y;
}

/** w: `[taps, inputs, outputs]`. */
export function weightStandardize(
  w: Values,
  [taps, inputs, outputs]: readonly [number, number, number],
  eps: number,
): Float64Array {
  const y = new Float64Array(w.length);
  for (let o = 0; o < outputs; o++) {
    const places = Array.from({ length: taps * inputs }, (_, i) => i * outputs + o);
    const { mean, variance } = moments(places.map((at) => w[at]!));
    for (const at of places) y[at] = (w[at]! - mean) / Math.sqrt(variance + eps);
  }
  return y;
}
