/**
 * A float64 CLIP with every supported option of open_clip (src/open_clip/transformer.py, 2.8 to 3.3), written from the keys
 * of its config, one token at a time.
 */
import type { Activation } from "../../src/ops/activation.js";
import type { HostTensor } from "../../src/tensor/host-tensor.js";
import { activation64 } from "./oracle-gemm.js";

type Row = readonly number[];

/** Names and values of a state dict, row major. */
export type ClipTensors = ReadonlyMap<string, HostTensor>;

interface Blocks {
  readonly layers: number;
  readonly heads: number;
  readonly causal: boolean;
  readonly activation: Activation;
  readonly eps: number;
}

export interface OracleText extends Blocks {
  readonly pool: "first" | "last" | "highest" | { readonly token: number };
}

export interface OracleVision extends Blocks {
  readonly pool: "tok" | "avg" | "all";
  readonly normAfterPooling: boolean;
  readonly normPre: boolean;
  readonly patch: number;
  readonly mean: Row;
  readonly std: Row;
}

export class OracleClip {
  constructor(private readonly tensors: ClipTensors) {}

  /** The embedding of a row of tokens, of unit length and before, and the tokens after the last layer. */
  text(
    tokens: Row,
    options: OracleText,
  ): { readonly embed: Row; readonly projected: Row; readonly encodings: readonly Row[] } {
    const table = this.#matrix("token_embedding.weight");
    const positions = this.#matrix("positional_embedding");
    const x = tokens.map((token, i) => sum(table[token]!, positions[i]!));
    const out = this.#blocks("transformer.resblocks", x, options).map((row) =>
      this.#norm("ln_final", row, options.eps),
    );
    const projected = this.#projectText(out[placeOf(tokens, options.pool)]!);
    return { embed: unit(projected), projected, encodings: out };
  }

  /** The embedding of an image, planes `[3][side · side]` in [0, 1], of unit length. */
  image(planes: readonly Row[], side: number, options: OracleVision): Row {
    return unit(this.projectedImage(planes, side, options));
  }

  /** The same before it has unit length. */
  projectedImage(planes: readonly Row[], side: number, options: OracleVision): Row {
    const { patch, eps } = options;
    const grid = Math.floor(side / patch);
    const weight = this.#matrix("visual.conv1.weight");
    const patches = Array.from({ length: grid * grid }, (_, at) => {
      const [top, left] = [Math.floor(at / grid) * patch, (at % grid) * patch];
      const pixels = planes.flatMap((plane, c) =>
        Array.from({ length: patch * patch }, (_, i) => {
          const value = plane[(top + Math.floor(i / patch)) * side + left + (i % patch)]!;
          return (value - options.mean[c]!) / options.std[c]!;
        }),
      );
      return weight.map((row) => dot(row, pixels));
    });
    const positions = this.#matrix("visual.positional_embedding");
    const tokens = [this.#vector("visual.class_embedding"), ...patches].map((row, i) => sum(row, positions[i]!));
    const first = options.normPre ? tokens.map((row) => this.#norm("visual.ln_pre", row, eps)) : tokens;
    const x = this.#blocks("visual.transformer.resblocks", first, options);
    const post = (row: Row) => this.#norm("visual.ln_post", row, eps);
    const pool = (rows: readonly Row[]) =>
      options.pool === "tok" ? rows[0]! : mean(options.pool === "avg" ? rows.slice(1) : rows);
    const pooled = options.normAfterPooling ? post(pool(x)) : pool(x.map(post));
    return columns(this.#matrix("visual.proj")).map((column) => dot(column, pooled));
  }

  #projectText(pooled: Row): Row {
    if (this.tensors.has("text_projection")) {
      return columns(this.#matrix("text_projection")).map((column) => dot(column, pooled));
    }
    return this.tensors.has("text_projection.weight") ? this.#linear("text_projection", pooled) : pooled;
  }

  #blocks(path: string, tokens: readonly Row[], options: Blocks): readonly Row[] {
    let x = tokens;
    for (let i = 0; i < options.layers; i++) x = this.#block(`${path}.${i}`, x, options);
    return x;
  }

  #block(path: string, x: readonly Row[], { heads, causal, activation, eps }: Blocks): readonly Row[] {
    const scaled = (name: string, row: Row) => {
      const gamma = this.tensors.get(`${path}.${name}.gamma`)?.data;
      return gamma ? row.map((value, i) => value * gamma[i]!) : row;
    };
    const attended = this.#attention(
      `${path}.attn`,
      x.map((row) => this.#norm(`${path}.ln_1`, row, eps)),
      heads,
      causal,
    );
    const h = x.map((row, i) => sum(row, scaled("ls_1", attended[i]!)));
    return h.map((row) => {
      const hidden = this.#linear(`${path}.mlp.c_fc`, this.#norm(`${path}.ln_2`, row, eps));
      const active = hidden.map((value) => activation64(activation, value));
      return sum(row, scaled("ls_2", this.#linear(`${path}.mlp.c_proj`, active)));
    });
  }

  #attention(path: string, x: readonly Row[], heads: number, causal: boolean): readonly Row[] {
    const weight = this.#matrix(`${path}.in_proj_weight`);
    const bias = this.#vector(`${path}.in_proj_bias`);
    const width = x[0]!.length;
    const dimHead = width / heads;
    const projected = x.map((row) => weight.map((one, i) => dot(one, row) + bias[i]!));
    const part = (row: Row, which: number, head: number) =>
      row.slice(which * width + head * dimHead, which * width + (head + 1) * dimHead);
    return projected.map((row, i) => {
      const mixed = Array.from({ length: heads }, (_, head) => {
        const seen = projected.slice(0, causal ? i + 1 : undefined);
        const logits = seen.map((other) => dot(part(row, 0, head), part(other, 1, head)) / Math.sqrt(dimHead));
        const weights = softmax(logits);
        return Array.from({ length: dimHead }, (_, c) =>
          seen.reduce((total, other, j) => total + weights[j]! * part(other, 2, head)[c]!, 0),
        );
      }).flat();
      return this.#linear(`${path}.out_proj`, mixed);
    });
  }

  #linear(path: string, x: Row): Row {
    const bias = this.#vector(`${path}.bias`);
    return this.#matrix(`${path}.weight`).map((row, i) => dot(row, x) + bias[i]!);
  }

  #norm(path: string, x: Row, eps: number): Row {
    const [gain, bias] = [this.#vector(`${path}.weight`), this.#vector(`${path}.bias`)];
    const average = x.reduce((total, value) => total + value, 0) / x.length;
    const variance = x.reduce((total, value) => total + (value - average) ** 2, 0) / x.length;
    return x.map((value, i) => ((value - average) / Math.sqrt(variance + eps)) * gain[i]! + bias[i]!);
  }

  #vector(name: string): Row {
    return [...this.#tensor(name).data];
  }

  /** Rows of a tensor, with all axes except the first joined. */
  #matrix(name: string): readonly Row[] {
    const { shape, data } = this.#tensor(name);
    const inner = data.length / shape[0]!;
    return Array.from({ length: shape[0]! }, (_, i) => [...data.subarray(i * inner, (i + 1) * inner)]);
  }

  #tensor(name: string) {
    const found = this.tensors.get(name);
    if (!found) throw new Error(`the oracle has no ${name}`);
    return found;
  }
}

function placeOf(tokens: Row, pool: OracleText["pool"]): number {
  if (pool === "first") return 0;
  if (pool === "last") return tokens.length - 1;
  if (pool === "highest") return tokens.indexOf(Math.max(...tokens));
  // torch's argmax is 0 if no value is true.
  return Math.max(0, tokens.indexOf(pool.token));
}

const dot = (a: Row, b: Row): number => a.reduce((total, value, i) => total + value * b[i]!, 0);
const sum = (a: Row, b: Row): Row => a.map((value, i) => value + b[i]!);
const mean = (rows: readonly Row[]): Row =>
  rows[0]!.map((_, i) => rows.reduce((all, row) => all + row[i]!, 0) / rows.length);
const columns = (matrix: readonly Row[]): readonly Row[] => matrix[0]!.map((_, i) => matrix.map((row) => row[i]!));

function softmax(logits: Row): Row {
  const highest = Math.max(...logits);
  const powers = logits.map((value) => Math.exp(value - highest));
  const total = powers.reduce((all, value) => all + value, 0);
  return powers.map((value) => value / total);
}

function unit(x: Row): Row {
  const length = Math.sqrt(dot(x, x));
  return x.map((value) => value / length);
}
