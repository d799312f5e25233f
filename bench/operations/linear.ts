import { permute, randomData, sizeOf } from "../lib/host-data.js";
import type { Operation } from "./operation.js";

export interface LinearSizes {
  readonly kind: "linear";
  readonly of: string;
  readonly rows: number;
  readonly inputs: number;
  readonly outputs: number;
}

/** `[rows, inputs] · [inputs, outputs]` */
export function linear({ of, rows, inputs, outputs }: LinearSizes): Operation {
  const x = randomData([rows, inputs], 1);
  const weight = randomData([outputs, inputs], 2, 1 / 8);
  const columns = permute(weight, [1, 0]);
  const output = [rows, outputs];
  return {
    kind: "linear",
    name: `linear ${rows}×${inputs}→${outputs} (${of})`,
    flops: 2 * rows * inputs * outputs,
    bytes: 4 * (sizeOf(x.shape) + sizeOf(weight.shape) + sizeOf(output)),
    inputs: [x],
    output,
    expected: (places) =>
      places.map((place) => {
        const [row, column] = [Math.floor(place / outputs), place % outputs];
        let sum = 0;
        for (let i = 0; i < inputs; i++) sum += x.data[row * inputs + i]! * weight.data[column * inputs + i]!;
        return sum;
      }),
    ours: async (subject) => {
      const { Linear } = await subject.build.load("nn/linear.js");
      const { layer, store } = await subject.layer(
        { weight },
        (weights) => new Linear(weights, inputs, outputs, { bias: false }),
      );
      return { body: (input) => layer.forward(input), store };
    },
    onnx: {
      onnxruntime: {
        nodes: [{ type: "MatMul", inputs: ["x", "w"], output: "y" }],
        inputs: { x: x.shape },
        output,
        constants: { w: columns },
      },
    },
    tensorFlow: { weights: [columns], body: (tf, [input], [w]) => tf.matMul(input!, w!) },
    jax: { weights: [columns], body: ({ numpy }, [input], [w]) => numpy.matmul(input!, w!) },
  };
}
