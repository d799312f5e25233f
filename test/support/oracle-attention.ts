/**
 * Float64 versions of the attentions, written from their formulas with full score matrices. As in tensors, each head ends in
 * zeros that make its size a multiple of 4; they are not read.
 */

type Values = ArrayLike<number>;

export interface Heads {
  readonly values: Values;
  readonly length: number;
  /** Channels per row. The heads start at `offset`. */
  readonly channels: number;
  readonly offset: number;
}

export interface AttentionCase {
  readonly batch: number;
  readonly q: Heads;
  readonly k: Heads;
  readonly v: Heads;
  readonly heads: number;
  readonly kvHeads: number;
  readonly dimHead: number;
  readonly scale: number;
  readonly causal: boolean;
  readonly nullKv?: Values | undefined;
  readonly relativeBias?: Values | undefined;
  readonly keyMask?: Values | undefined;
}

const range = (count: number) => Array.from({ length: count }, (_, i) => i);
const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

function softmax(scores: number[]): number[] {
  const peak = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - peak));
  const total = sum(weights);
  return weights.map((weight) => weight / total);
}

/** Channels from one head to the next. */
export const paddedHead = (dimHead: number) => 4 * Math.ceil(dimHead / 4);

const zeros = (count: number) => new Array<number>(count).fill(0);

/** Sets the padding after each head to zero. The heads begin at `offset` in each row. */
export function clearPadding(
  values: Float32Array,
  { channels, offset, heads, dimHead }: { channels: number; offset: number; heads: number; dimHead: number },
): Float32Array {
  return values.map((value, i) => {
    const at = (i % channels) - offset;
    const isPadding = at >= 0 && at < heads * paddedHead(dimHead) && at % paddedHead(dimHead) >= dimHead;
    return isPadding ? 0 : value;
  });
}

function headOf({ values, length, channels, offset }: Heads, dimHead: number, b: number, row: number, head: number) {
  const start = (b * length + row) * channels + offset + head * paddedHead(dimHead);
  return range(dimHead).map((d) => values[start + d]!);
}

const dot = (a: number[], b: number[]) => sum(a.map((value, i) => value * b[i]!));

/** `[batch, queries, heads · paddedHead]`. A query without visible keys gives 0. */
export function attention(c: AttentionCase): Float64Array {
  const padding = zeros(paddedHead(c.dimHead) - c.dimHead);
  const y = new Float64Array(c.batch * c.q.length * c.heads * paddedHead(c.dimHead));
  let at = 0;
  for (const b of range(c.batch)) {
    for (const i of range(c.q.length)) {
      for (const head of range(c.heads)) {
        for (const value of [...attend(c, b, i, head), ...padding]) y[at++] = value;
      }
    }
  }
  return y;
}

function attend(c: AttentionCase, b: number, i: number, head: number): number[] {
  const { dimHead, heads, kvHeads } = c;
  const kvHead = Math.floor(head / (heads / kvHeads));
  const shift = c.nullKv ? 1 : 0;
  // Causal queries are the last tokens of the sequence.
  const place = c.causal ? c.k.length - c.q.length + i : i;
  const query = headOf(c.q, dimHead, b, i, head);
  const visible = range(c.k.length).filter(
    (j) => (!c.causal || j <= place) && (c.keyMask?.[b * c.k.length + j] ?? 1) !== 0,
  );
  const entries = visible.map((j) => ({
    position: j + shift,
    key: headOf(c.k, dimHead, b, j, kvHead),
    value: headOf(c.v, dimHead, b, j, kvHead),
  }));
  if (c.nullKv) {
    const rows = Array.from(c.nullKv);
    entries.unshift({ position: 0, key: rows.slice(0, dimHead), value: rows.slice(dimHead) });
  }
  if (entries.length === 0) return range(dimHead).map(() => 0);
  const bias = (position: number) => c.relativeBias?.[Math.max(place - position, 0) * heads + head] ?? 0;
  const weights = softmax(entries.map(({ key, position }) => c.scale * dot(query, key) + bias(position)));
  return range(dimHead).map((d) => sum(entries.map(({ value }, n) => weights[n]! * value[d]!)));
}

/** x: heads at an offset; result `[batch, length, heads · paddedHead]`. */
export function prepareHeads(
  batch: number,
  x: Heads,
  options: {
    heads: number;
    dimHead: number;
    pairs: number;
    halves?: boolean | undefined;
    cos?: Values | undefined;
    sin?: Values | undefined;
    l2norm: boolean;
    scale: number;
  },
): Float64Array {
  const { heads, dimHead, pairs, halves = false, cos, sin, l2norm, scale } = options;
  const padding = zeros(paddedHead(dimHead) - dimHead);
  const y = new Float64Array(batch * x.length * heads * paddedHead(dimHead));
  let at = 0;
  for (const b of range(batch)) {
    for (const row of range(x.length)) {
      for (const head of range(heads)) {
        const v = headOf(x, dimHead, b, row, head);
        for (const pair of range(pairs)) {
          const [one, other] = halves ? [pair, pairs + pair] : [2 * pair, 2 * pair + 1];
          const [first, second] = [v[one]!, v[other]!];
          const [cosine, sine] = [cos![row * pairs + pair]!, sin![row * pairs + pair]!];
          v[one] = first * cosine - second * sine;
          v[other] = second * cosine + first * sine;
        }
        const length = l2norm ? Math.max(Math.sqrt(dot(v, v)), 1e-12) : 1;
        for (const value of [...v, ...padding]) y[at++] = (value / length) * scale;
      }
    }
  }
  return y;
}

/** The error function by its series of positive terms, e^(-z²) Σ 2ⁿ z²ⁿ⁺¹ / (1 · 3 · … · (2n + 1)), exact to 1e-15. */
export function erf(x: number): number {
  const z = Math.min(Math.abs(x), 6);
  let term = z;
  let total = z;
  for (let n = 1; term > 1e-18 * total; n++) {
    term *= (2 * z * z) / (2 * n + 1);
    total += term;
  }
  return Math.sign(x) * (2 / Math.sqrt(Math.PI)) * Math.exp(-z * z) * total;
}

export const gelu = (x: number) => 0.5 * x * (1 + erf(x * Math.SQRT1_2));

/** qkv: `[batch, positions, 3 · heads · paddedHead]`; result `[batch, positions, heads · paddedHead]`. */
export function linearAttention(
  qkv: Values,
  [batch, positions]: readonly [number, number],
  { heads, dimHead, variant }: { heads: number; dimHead: number; variant: "plain" | "v_hw" | "l2v_sqrt" },
): Float64Array {
  const inner = heads * paddedHead(dimHead);
  const part = (offset: number): Heads => ({ values: qkv, length: positions, channels: 3 * inner, offset });
  const y = new Float64Array(batch * positions * inner);
  for (const b of range(batch)) {
    for (const head of range(heads)) {
      const rows = (offset: number) => range(positions).map((n) => headOf(part(offset), dimHead, b, n, head));
      const [q, k, v] = [rows(0), rows(inner), rows(2 * inner)];
      const columns = range(dimHead).map((d) => softmax(k.map((row) => row[d]!)));
      const scaled = v.map((row) => {
        const length = variant === "l2v_sqrt" ? Math.max(Math.sqrt(dot(row, row)), 1e-12) : 1;
        return row.map((value) => value / length / (variant === "plain" ? 1 : positions));
      });
      const context = range(dimHead).map((d) =>
        range(dimHead).map((e) => sum(range(positions).map((n) => columns[d]![n]! * scaled[n]![e]!))),
      );
      q.forEach((row, n) => {
        const weights = softmax(row).map((weight) => weight / Math.sqrt(dimHead));
        for (const e of range(dimHead)) {
          y[(b * positions + n) * inner + head * paddedHead(dimHead) + e] = gelu(
            dot(
              weights,
              context.map((line) => line[e]!),
            ),
          );
        }
      });
    }
  }
  return y;
}
