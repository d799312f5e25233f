import { randomData, sizeOf, type HostData } from "../lib/host-data.js";
import { MICROSOFT, type OnnxModel } from "../peers/onnx-model.js";
import type { TensorFlow, TfTensor } from "../peers/tensorflow.js";
import type { Operation } from "./operation.js";

export interface AttentionSizes {
  readonly kind: "attention";
  readonly of: string;
  readonly batch: number;
  readonly heads: number;
  readonly dimHead: number;
  readonly queries: number;
  readonly keys: number;
  readonly causal?: boolean;
}

/** Softmax attention of `heads` heads: q `[batch, queries, heads · dimHead]`, k and v `[batch, keys, heads · dimHead]`. */
export function attention(sizes: AttentionSizes): Operation {
  const { of, batch, heads, dimHead, queries, keys, causal = false } = sizes;
  const width = heads * dimHead;
  const scale = dimHead ** -0.5;
  const q = randomData([batch, queries, width], 1);
  const k = randomData([batch, keys, width], 2);
  const v = randomData([batch, keys, width], 3);
  const shape = `b${batch} h${heads} d${dimHead} ${queries}×${keys}`;
  return {
    kind: "attention",
    name: `attention ${shape} (${of})`,
    flops: 4 * batch * width * (causal ? (queries * (queries + 1)) / 2 : queries * keys),
    bytes: 4 * 2 * batch * width * (queries + keys),
    inputs: [q, k, v],
    output: q.shape,
    expected: (places) => places.map((place) => expectedAt(place, sizes, [q, k, v])),
    ours: async ({ build }) => {
      const ops = await build.load("ops/attention.js");
      const options = { heads, kvHeads: heads, dimHead, scale, causal };
      return { body: (queriesOf, keysOf, values) => ops.attention({ q: queriesOf, k: keysOf, v: values, ...options }) };
    },
    onnx: {
      onnxruntime: separateNodes(sizes),
      ...(causal ? {} : { "onnxruntime, MultiHeadAttention": oneNode(sizes) }),
    },
    tensorFlow: {
      weights: causal ? [causalMask(queries)] : [],
      body: (tf, inputs, [mask]) => inTensorFlow(tf, sizes, inputs, mask),
    },
  };
}

function expectedAt(place: number, sizes: AttentionSizes, inputs: readonly [HostData, HostData, HostData]): number {
  const { heads, dimHead, queries, keys, causal = false } = sizes;
  const [q, k, v] = inputs.map(({ data }) => data) as [Float32Array, Float32Array, Float32Array];
  const width = heads * dimHead;
  const channel = place % width;
  const first = channel - (channel % dimHead);
  const query = Math.floor(place / width) % queries;
  const sample = Math.floor(place / width / queries);
  let [total, sum] = [0, 0];
  for (let key = 0; key < (causal ? query + 1 : keys); key++) {
    const row = (sample * keys + key) * width;
    let score = 0;
    for (let d = 0; d < dimHead; d++) score += q[(sample * queries + query) * width + first + d]! * k[row + first + d]!;
    const weight = Math.exp(score * dimHead ** -0.5);
    total += weight;
    sum += weight * v[row + channel]!;
  }
  return sum / total;
}

/** Added to scores: 0 for keys up to the query, else a number that the softmax turns into 0. */
function causalMask(length: number): HostData {
  const data = Float32Array.from({ length: length * length }, (_, i) =>
    i % length > Math.floor(i / length) ? -1e4 : 0,
  );
  return { data, shape: [length, length] };
}

const shapesOf = ({ batch, heads, dimHead, queries, keys }: AttentionSizes) => {
  const width = heads * dimHead;
  return {
    inputs: { q: [batch, queries, width], k: [batch, keys, width], v: [batch, keys, width] },
    output: [batch, queries, width],
  };
};

/** As torch exports it. */
function separateNodes(sizes: AttentionSizes): OnnxModel {
  const { batch, heads, dimHead, queries, keys, causal = false } = sizes;
  const perm = { perm: [0, 2, 1, 3] };
  const constants = {
    queries: { integers: [batch, queries, heads, dimHead] },
    keys: { integers: [batch, keys, heads, dimHead] },
    joined: { integers: [batch, queries, heads * dimHead] },
    scale: { data: Float32Array.of(dimHead ** -0.5), shape: [] },
    ...(causal ? { mask: causalMask(queries) } : {}),
  };
  return {
    ...shapesOf(sizes),
    constants,
    nodes: [
      { type: "Reshape", inputs: ["q", "queries"], output: "q4" },
      { type: "Transpose", inputs: ["q4"], output: "qt", attributes: perm },
      { type: "Reshape", inputs: ["k", "keys"], output: "k4" },
      { type: "Transpose", inputs: ["k4"], output: "kt", attributes: { perm: [0, 2, 3, 1] } },
      { type: "Reshape", inputs: ["v", "keys"], output: "v4" },
      { type: "Transpose", inputs: ["v4"], output: "vt", attributes: perm },
      { type: "Mul", inputs: ["qt", "scale"], output: "scaled" },
      { type: "MatMul", inputs: ["scaled", "kt"], output: "scores" },
      ...(causal ? [{ type: "Add", inputs: ["scores", "mask"], output: "masked" }] : []),
      { type: "Softmax", inputs: [causal ? "masked" : "scores"], output: "weights", attributes: { axis: -1 } },
      { type: "MatMul", inputs: ["weights", "vt"], output: "heads" },
      { type: "Transpose", inputs: ["heads"], output: "back", attributes: perm },
      { type: "Reshape", inputs: ["back", "joined"], output: "y" },
    ],
  };
}

/** With the fused node that onnxruntime's own tools insert. */
function oneNode(sizes: AttentionSizes): OnnxModel {
  const attributes = { num_heads: sizes.heads, scale: { float: sizes.dimHead ** -0.5 } };
  const node = { type: "MultiHeadAttention", inputs: ["q", "k", "v"], output: "y", attributes, domain: MICROSOFT };
  return { ...shapesOf(sizes), nodes: [node] };
}

function inTensorFlow(
  tf: TensorFlow,
  sizes: AttentionSizes,
  inputs: readonly TfTensor[],
  mask: TfTensor | undefined,
): TfTensor {
  const { batch, heads, dimHead, queries, keys } = sizes;
  const [q, k, v] = inputs as [TfTensor, TfTensor, TfTensor];
  const split = (x: TfTensor, length: number) =>
    tf.transpose(tf.reshape(x, [batch, length, heads, dimHead]), [0, 2, 1, 3]);
  const scores = tf.mul(tf.matMul(split(q, queries), split(k, keys), false, true), dimHead ** -0.5);
  const weights = tf.softmax(mask ? tf.add(scores, mask) : scores);
  const joined = tf.transpose(tf.matMul(weights, split(v, keys)), [0, 2, 1, 3]);
  return tf.reshape(joined, [batch, queries, sizeOf([heads, dimHead])]);
}
