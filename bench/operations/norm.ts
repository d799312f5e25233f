import { randomData, sizeOf, type HostData } from "../lib/host-data.js";
import type { OnnxModel } from "../peers/onnx-model.js";
import type { Operation } from "./operation.js";

const EPS = 1e-5;

export interface GroupNormSizes {
  readonly kind: "groupNorm";
  readonly of: string;
  /** `[batch, height, width, channels]` */
  readonly input: readonly number[];
  readonly groups: number;
}

export interface LayerNormSizes {
  readonly kind: "layerNorm";
  readonly of: string;
  readonly rows: number;
  readonly channels: number;
}

/** Mean and reciprocal standard deviation of each group of values, in float64. */
function statistics({ data }: HostData, groupOf: (index: number) => number, groups: number) {
  const counts = new Float64Array(groups);
  const means = new Float64Array(groups);
  const scales = new Float64Array(groups);
  data.forEach((value, i) => {
    counts[groupOf(i)]!++;
    means[groupOf(i)]! += value;
  });
  counts.forEach((count, group) => (means[group]! /= count));
  data.forEach((value, i) => (scales[groupOf(i)]! += (value - means[groupOf(i)]!) ** 2));
  counts.forEach((count, group) => (scales[group] = 1 / Math.sqrt(scales[group]! / count + EPS)));
  return { means, scales };
}

const asColumn = ({ data }: HostData): HostData => ({ data, shape: [data.length, 1, 1] });

/** SiLU of a group norm, as in the blocks of a U-Net. */
export function groupNorm({ of, input, groups }: GroupNormSizes): Operation {
  const [batch, height, width, channels] = input as [number, number, number, number];
  const [x, weight, bias] = [randomData(input, 1), randomData([channels], 2), randomData([channels], 3)];
  const [size, inGroup] = [height * width * channels, channels / groups];
  const groupOf = (i: number) => Math.floor(i / size) * groups + Math.floor((i % channels) / inGroup);
  return {
    kind: "group norm + SiLU",
    name: `group norm + SiLU ${input.join("×")} (${of})`,
    // It is read twice, for the statistics and for the result.
    bytes: 3 * 4 * sizeOf(input),
    inputs: [x],
    output: input,
    expected: (places) => {
      const { means, scales } = statistics(x, groupOf, batch * groups);
      return places.map((i) => {
        const normal = (x.data[i]! - means[groupOf(i)]!) * scales[groupOf(i)]!;
        const y = normal * weight.data[i % channels]! + bias.data[i % channels]!;
        return y / (1 + Math.exp(-y));
      });
    },
    ours: async (subject) => {
      const { GroupNorm } = await subject.build.load("nn/group-norm.js");
      const { layer, store } = await subject.layer(
        { weight, bias },
        (weights) => new GroupNorm(weights, groups, channels),
      );
      return { body: (image) => layer.forward(image, { activation: "silu" }), store };
    },
    onnx: { onnxruntime: groupNormModel([batch, channels, height, width], groups, weight, bias) },
    isNchw: true,
    tensorFlow: {
      weights: [weight, bias],
      body: (tf, [image], [gain, shift]) => {
        const grouped = tf.reshape(image!, [batch, height * width, groups, inGroup]);
        const { mean, variance } = tf.moments(grouped, [1, 3], true);
        const normal = tf.div(tf.sub(grouped, mean), tf.sqrt(tf.add(variance, EPS)));
        const y = tf.add(tf.mul(tf.reshape(normal, input), gain!), shift!);
        return tf.mul(y, tf.sigmoid(y));
      },
    },
  };
}

/** As torch exports it. */
function groupNormModel(shape: readonly number[], groups: number, weight: HostData, bias: HostData): OnnxModel {
  return {
    inputs: { x: shape },
    output: shape,
    constants: {
      grouped: { integers: [0, groups, -1] },
      whole: { integers: shape },
      ones: { data: new Float32Array(groups).fill(1), shape: [groups] },
      zeros: { data: new Float32Array(groups), shape: [groups] },
      weight: asColumn(weight),
      bias: asColumn(bias),
    },
    nodes: [
      { type: "Reshape", inputs: ["x", "grouped"], output: "g" },
      {
        type: "InstanceNormalization",
        inputs: ["g", "ones", "zeros"],
        output: "n",
        attributes: { epsilon: { float: EPS } },
      },
      { type: "Reshape", inputs: ["n", "whole"], output: "r" },
      { type: "Mul", inputs: ["r", "weight"], output: "m" },
      { type: "Add", inputs: ["m", "bias"], output: "a" },
      { type: "Sigmoid", inputs: ["a"], output: "s" },
      { type: "Mul", inputs: ["a", "s"], output: "y" },
    ],
  };
}

export function layerNorm({ of, rows, channels }: LayerNormSizes): Operation {
  const shape = [rows, channels];
  const [x, weight, bias] = [randomData(shape, 1), randomData([channels], 2), randomData([channels], 3)];
  const rowOf = (i: number) => Math.floor(i / channels);
  return {
    kind: "layer norm",
    name: `layer norm ${rows}×${channels} (${of})`,
    bytes: 2 * 4 * rows * channels,
    inputs: [x],
    output: shape,
    expected: (places) => {
      const { means, scales } = statistics(x, rowOf, rows);
      return places.map(
        (i) =>
          (x.data[i]! - means[rowOf(i)]!) * scales[rowOf(i)]! * weight.data[i % channels]! + bias.data[i % channels]!,
      );
    },
    ours: async (subject) => {
      const { LayerNorm } = await subject.build.load("nn/layer-norm.js");
      const { layer, store } = await subject.layer({ weight, bias }, (weights) => new LayerNorm(weights, channels));
      return { body: (input) => layer.forward(input), store };
    },
    onnx: {
      onnxruntime: {
        nodes: [
          {
            type: "LayerNormalization",
            inputs: ["x", "w", "b"],
            output: "y",
            attributes: { axis: -1, epsilon: { float: EPS } },
          },
        ],
        inputs: { x: shape },
        output: shape,
        constants: { w: weight, b: bias },
      },
    },
    tensorFlow: {
      weights: [weight, bias],
      body: (tf, [input], [gain, shift]) => {
        const { mean, variance } = tf.moments(input!, 1, true);
        const normal = tf.div(tf.sub(input!, mean), tf.sqrt(tf.add(variance, EPS)));
        return tf.add(tf.mul(normal, gain!), shift!);
      },
    },
  };
}
