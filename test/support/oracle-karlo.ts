/**
 * Float64 versions of Karlo's networks, written from their formulas, with the reference's additive masks. Feature maps are
 * channels last.
 */
import { activation64 } from "./oracle-gemm.js";
import * as norms from "./oracle-norm.js";
import type { RandomState } from "./random-weights.js";

type Values = ArrayLike<number>;

/** Rows of channels: `[batch, positions, channels]`. Feature maps have a width in pixels. */
export interface Grid {
  readonly batch: number;
  readonly positions: number;
  readonly channels: number;
  readonly data: Values;
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
const silu = (x: number): number => x / (1 + Math.exp(-x));
const rows = ({ batch, positions }: Grid): number => batch * positions;
const mapped = (x: Grid, f: (value: number, at: number) => number): Grid => ({
  ...x,
  data: Float64Array.from(x.data, f),
});
const grid = (batch: number, positions: number, channels: number, data: Values): Grid => ({
  batch,
  positions,
  channels,
  data,
});

/** Tokens one after the other. */
export function joinTokens(...parts: readonly Grid[]): Grid {
  const { batch, channels } = parts[0]!;
  const data = range(batch).flatMap((b) =>
    parts.flatMap((x) => {
      const size = x.positions * channels;
      return Array.from(x.data).slice(b * size, (b + 1) * size);
    }),
  );
  return grid(batch, data.length / batch / channels, channels, data);
}

/** Channels side by side. */
function joinChannels(a: Grid, b: Grid): Grid {
  const data = range(rows(a)).flatMap((row) => [
    ...Array.from(a.data).slice(row * a.channels, (row + 1) * a.channels),
    ...Array.from(b.data).slice(row * b.channels, (row + 1) * b.channels),
  ]);
  return grid(a.batch, a.positions, a.channels + b.channels, data);
}

/** [cos, sin] of time · 10000^(-2k / width), for each time. */
function sinusoids(times: readonly number[], width: number): Grid {
  const half = Math.floor(width / 2);
  const data = times.flatMap((time) =>
    range(width).map((at) => {
      if (at >= 2 * half) return 0;
      const angle = time * Math.exp((-Math.log(10000) * (at % half)) / half);
      return at < half ? Math.cos(angle) : Math.sin(angle);
    }),
  );
  return grid(times.length, 1, width, data);
}

/** Adds to scores of row i and key j of a sample. */
type Bias = (sample: number, row: number, key: number) => number;

/** The formulas of layers with the weights of a state dict. */
export class Oracle {
  constructor(private readonly state: RandomState) {}

  tensor(name: string): Float32Array {
    const found = this.state.get(name);
    if (!found) throw new RangeError(`There is no tensor ${name}.`);
    return found.data;
  }

  linear(x: Grid, name: string): Grid {
    const weight = this.tensor(`${name}.weight`);
    const bias = this.tensor(`${name}.bias`);
    const data = new Float64Array(rows(x) * bias.length);
    for (const row of range(rows(x))) {
      for (const [o, shift] of bias.entries()) {
        let sum = shift;
        for (let i = 0; i < x.channels; i++) sum += x.data[row * x.channels + i]! * weight[o * x.channels + i]!;
        data[row * bias.length + o] = sum;
      }
    }
    return grid(x.batch, x.positions, bias.length, data);
  }

  layerNorm(x: Grid, name: string): Grid {
    const [weight, bias] = [this.tensor(`${name}.weight`), this.tensor(`${name}.bias`)];
    const options = { weight, bias, eps: 1e-5, stable: false };
    return { ...x, data: norms.layerNorm(x.data, [rows(x), x.channels], options) };
  }

  groupNorm(x: Grid, name: string, groups: number, eps: number): Grid {
    const [weight, bias] = [this.tensor(`${name}.weight`), this.tensor(`${name}.bias`)];
    const options = { groups, weight, bias, eps, activation: "none" } as const;
    return { ...x, data: norms.groupNorm(x.data, [x.batch, x.positions, x.channels], options) };
  }

  /** A convolution with zeros around, of a feature map that is `side` pixels wide and high. */
  conv(x: Grid, name: string, side: number): Grid {
    const { shape, data: weight } = this.state.get(`${name}.weight`)!;
    const [outputs = 0, inputs = 0, kernel = 0] = shape;
    const bias = this.tensor(`${name}.bias`);
    const data = new Float64Array(x.batch * side * side * outputs);
    for (const at of range(data.length / outputs)) {
      const [b, oy, ox] = [Math.floor(at / side / side), Math.floor(at / side) % side, at % side];
      for (const o of range(outputs)) {
        let sum = bias[o]!;
        for (let tap = 0; tap < kernel ** 2; tap++) {
          const iy = oy + Math.floor(tap / kernel) - (kernel - 1) / 2;
          const ix = ox + (tap % kernel) - (kernel - 1) / 2;
          if (iy < 0 || ix < 0 || iy >= side || ix >= side) continue;
          const from = ((b * side + iy) * side + ix) * inputs;
          for (let i = 0; i < inputs; i++) sum += x.data[from + i]! * weight[(o * inputs + i) * kernel ** 2 + tap]!;
        }
        data[at * outputs + o] = sum;
      }
    }
    return grid(x.batch, side * side, outputs, data);
  }

  /** softmax(q k / √dimHead + bias) v with heads side by side. */
  attend(q: Grid, k: Grid, v: Grid, dimHead: number, bias: Bias): Grid {
    const data = new Float64Array(rows(q) * q.channels);
    for (const b of range(q.batch)) {
      for (const i of range(q.positions)) {
        for (const first of range(q.channels / dimHead).map((head) => head * dimHead)) {
          const at = (x: Grid, row: number, d: number): number =>
            x.data[(b * x.positions + row) * x.channels + first + d]!;
          const scores = range(k.positions).map(
            (j) =>
              range(dimHead).reduce((sum, d) => sum + at(q, i, d) * at(k, j, d), 0) / Math.sqrt(dimHead) +
              bias(b, i, j),
          );
          const peak = Math.max(...scores);
          const weights = scores.map((score) => Math.exp(score - peak));
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          for (const d of range(dimHead)) {
            const mixed = weights.reduce((sum, weight, j) => sum + weight * at(v, j, d), 0) / total;
            data[(b * q.positions + i) * q.channels + first + d] = mixed;
          }
        }
      }
    }
    return { ...q, data };
  }

  /** The time embedding, `[batch, 1, *]`. */
  time(times: readonly number[], features: number, activation: "silu" | "gelu" | "relu" = "silu"): Grid {
    const hidden = this.linear(sinusoids(times, features), "time_embedding.linear_1");
    return this.linear(
      mapped(hidden, (value) => activation64(activation, value)),
      "time_embedding.linear_2",
    );
  }
}

/** a + b; `b` may have one position, or one sample, for all. */
export function add(a: Grid, b: Grid): Grid {
  return mapped(a, (value, at) => {
    const row = Math.floor(at / a.channels);
    const sample = b.batch === 1 ? 0 : Math.floor(row / a.positions);
    const position = b.positions === 1 ? 0 : row % a.positions;
    return value + b.data[(sample * b.positions + position) * b.channels + (at % a.channels)]!;
  });
}

export interface PriorCase {
  readonly heads: number;
  readonly dimHead: number;
  readonly layers: number;
  readonly activation?: "silu" | "gelu" | "relu";
  readonly x: Grid;
  readonly times: readonly number[];
  readonly textEmbed: Grid;
  readonly textEncodings: Grid;
  readonly textMask?: readonly (readonly number[])[];
}

/** Karlo's prior with every option that adds a layer if its weights are there: `[batch, outputs]`. */
export function prior(state: RandomState, c: PriorCase): Values {
  const net = new Oracle(state);
  const inner = c.heads * c.dimHead;
  const has = (name: string): boolean => state.has(name);
  const embed = has("embedding_proj_norm.weight") ? net.layerNorm(c.textEmbed, "embedding_proj_norm") : c.textEmbed;
  const { batch } = c.x;
  const positions = state.get("positional_embedding")!;
  const prd = range(batch).flatMap(() => Array.from(net.tensor("prd_embedding")));
  let h = joinTokens(
    net.linear(c.textEncodings, "encoder_hidden_states_proj"),
    net.linear(embed, "embedding_proj"),
    net.time(c.times, inner, c.activation),
    net.linear(c.x, "proj_in"),
    grid(batch, 1, inner, prd),
  );
  h = add(h, grid(1, positions.shape[1]!, inner, positions.data));
  if (has("norm_in.weight")) h = net.layerNorm(h, "norm_in");
  const text = c.textEncodings.positions;
  const bias: Bias = (b, i, j) => {
    if (!c.textMask) return 0;
    return -10000 * (j < text ? 1 - c.textMask[b]![j]! : 0) + (j > i ? -10000 : 0);
  };
  for (const block of range(c.layers).map((i) => `transformer_blocks.${i}`)) {
    const y = net.layerNorm(h, `${block}.norm1`);
    const [q, k, v] = ["to_q", "to_k", "to_v"].map((name) => net.linear(y, `${block}.attn1.${name}`));
    h = add(h, net.linear(net.attend(q!, k!, v!, c.dimHead, bias), `${block}.attn1.to_out.0`));
    const hidden = net.linear(net.layerNorm(h, `${block}.norm3`), `${block}.ff.net.0.proj`);
    h = add(
      h,
      net.linear(
        mapped(hidden, (value) => activation64("gelu", value)),
        `${block}.ff.net.2`,
      ),
    );
  }
  const read = net.linear(net.layerNorm(h, "norm_out"), "proj_to_clip_embeddings");
  return range(batch).flatMap((b) => {
    const end = (b + 1) * read.positions * read.channels;
    return Array.from(read.data).slice(end - read.channels, end);
  });
}

export interface UnetCase {
  readonly widths: readonly number[];
  readonly layers: readonly number[];
  readonly groups: number;
  readonly eps: number;
  readonly scaleShift: boolean;
  /** Head sizes of attention where there is one: on the way down, in the middle, on the way up from the smallest. */
  readonly dimHead: {
    readonly down: readonly (number | undefined)[];
    readonly middle: number | undefined;
    readonly up: readonly (number | undefined)[];
  };
  readonly side: number;
  readonly x: Grid;
  readonly times: readonly number[];
  readonly addedToTime?: Grid;
  /** With it, attention reads added keys; without it, pixels alone. */
  readonly context?: Grid;
  readonly contextMask?: readonly (readonly number[])[];
}

/** A U-Net of Karlo. Layers that only some options have are there if their weights are. */
export function unet(state: RandomState, c: UnetCase): Values {
  const net = new OracleUnet(state, c);
  return net.forward();
}

class OracleUnet extends Oracle {
  readonly #time: Grid;

  constructor(
    private readonly tensors: RandomState,
    private readonly c: UnetCase,
  ) {
    super(tensors);
    const time = this.time(c.times, c.widths[0]!);
    this.#time = mapped(c.addedToTime ? add(time, c.addedToTime) : time, silu);
  }

  forward(): Values {
    const { widths, layers, dimHead, groups, eps, x } = this.c;
    const last = widths.length - 1;
    let side = this.c.side;
    let h = this.conv(x, "conv_in", side);
    const skips = [h];
    for (const i of range(widths.length)) {
      for (const j of range(layers[i]!)) {
        h = this.resnet(h, `down_blocks.${i}.resnets.${j}`, side);
        h = this.attention(h, `down_blocks.${i}.attentions.${j}`, dimHead.down[i]);
        skips.push(h);
      }
      if (i === last) continue;
      h = this.resnet(h, `down_blocks.${i}.downsamplers.0`, side, "down");
      side /= 2;
      skips.push(h);
    }
    h = this.resnet(h, "mid_block.resnets.0", side);
    h = this.attention(h, "mid_block.attentions.0", dimHead.middle);
    h = this.resnet(h, "mid_block.resnets.1", side);
    for (const i of range(widths.length)) {
      for (const j of range(layers[last - i]! + 1)) {
        h = this.resnet(joinChannels(h, skips.pop()!), `up_blocks.${i}.resnets.${j}`, side);
        h = this.attention(h, `up_blocks.${i}.attentions.${j}`, dimHead.up[i]);
      }
      if (i === last) continue;
      h = this.resnet(h, `up_blocks.${i}.upsamplers.0`, side, "up");
      side *= 2;
    }
    return this.conv(mapped(this.groupNorm(h, "conv_norm_out", groups, eps), silu), "conv_out", side).data;
  }

  private resnet(x: Grid, name: string, side: number, resampling?: "down" | "up"): Grid {
    const { groups, eps, scaleShift } = this.c;
    const size = resampling === "down" ? side / 2 : resampling === "up" ? 2 * side : side;
    const resample = (x: Grid): Grid => (resampling ? resampled(x, side, size) : x);
    let h = this.conv(resample(mapped(this.groupNorm(x, `${name}.norm1`, groups, eps), silu)), `${name}.conv1`, size);
    const time = this.linear(this.#time, `${name}.time_emb_proj`);
    const { channels } = h;
    if (!scaleShift) h = add(h, time);
    h = this.groupNorm(h, `${name}.norm2`, groups, eps);
    if (scaleShift) {
      const part = (at: number, half: number): number => {
        const sample = Math.floor(at / channels / h.positions);
        return time.data[sample * 2 * channels + half * channels + (at % channels)]!;
      };
      h = mapped(h, (value, at) => value * (1 + part(at, 0)) + part(at, 1));
    }
    h = this.conv(mapped(h, silu), `${name}.conv2`, size);
    const skip = resample(x);
    return add(
      this.tensors.has(`${name}.conv_shortcut.weight`) ? this.conv(skip, `${name}.conv_shortcut`, size) : skip,
      h,
    );
  }

  private attention(x: Grid, name: string, dimHead: number | undefined): Grid {
    if (dimHead === undefined) return x;
    const { context, contextMask, groups, eps } = this.c;
    const y = this.tensors.has(`${name}.group_norm.weight`)
      ? this.groupNorm(x, `${name}.group_norm`, groups, context ? 1e-5 : eps)
      : x;
    const own = this.tensors.has(`${name}.to_k.weight`)
      ? { k: this.linear(y, `${name}.to_k`), v: this.linear(y, `${name}.to_v`) }
      : undefined;
    const added = context && {
      k: this.linear(context, `${name}.add_k_proj`),
      v: this.linear(context, `${name}.add_v_proj`),
    };
    const both = (key: "k" | "v"): Grid => joinTokens(...[added, own].flatMap((one) => (one ? [one[key]] : [])));
    const bias: Bias = (b, _, j) => (context && j < context.positions ? -10000 * (1 - (contextMask?.[b]![j] ?? 1)) : 0);
    const mixed = this.attend(this.linear(y, `${name}.to_q`), both("k"), both("v"), dimHead, bias);
    return add(x, this.linear(mixed, `${name}.to_out.0`));
  }
}

/** Means of 2×2 pixels, or each pixel four times. */
function resampled(x: Grid, side: number, size: number): Grid {
  const taps = size < side ? [0, 1] : [0];
  const data = new Float64Array(x.batch * size * size * x.channels);
  for (let at = 0; at < data.length; at++) {
    const row = Math.floor(at / x.channels);
    const [b, oy, ox] = [Math.floor(row / size / size), Math.floor(row / size) % size, row % size];
    const source = (o: number, tap: number): number => (size < side ? 2 * o + tap : Math.floor(o / 2));
    const values = taps.flatMap((dy) =>
      taps.map((dx) => x.data[((b * side + source(oy, dy)) * side + source(ox, dx)) * x.channels + (at % x.channels)]!),
    );
    data[at] = values.reduce((sum, value) => sum + value, 0) / values.length;
  }
  return grid(x.batch, size * size, x.channels, data);
}
