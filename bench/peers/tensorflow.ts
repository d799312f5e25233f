import type { Operation } from "../operations/operation.js";
import type { HostData } from "../lib/host-data.js";
import { quietly, type Contender } from "../lib/measure.js";
import { requirePeer } from "./packages.js";

export interface TfTensor {
  data(): Promise<Float32Array>;
  dispose(): void;
}

type Shape = readonly number[];

/** What is used of TensorFlow.js. */
export interface TensorFlow {
  setBackend(name: string): Promise<boolean>;
  ready(): Promise<void>;
  getBackend(): string;
  tensor(data: Float32Array, shape: Shape): TfTensor;
  keep(x: TfTensor): TfTensor;
  tidy(body: () => TfTensor): TfTensor;
  matMul(a: TfTensor, b: TfTensor, transposeA?: boolean, transposeB?: boolean): TfTensor;
  conv2d(x: TfTensor, w: TfTensor, strides: number, pad: number): TfTensor;
  reshape(x: TfTensor, shape: Shape): TfTensor;
  transpose(x: TfTensor, order: Shape): TfTensor;
  softmax(x: TfTensor): TfTensor;
  moments(x: TfTensor, axes: number | Shape, keepDims: boolean): { mean: TfTensor; variance: TfTensor };
  add(a: TfTensor, b: TfTensor | number): TfTensor;
  sub(a: TfTensor, b: TfTensor): TfTensor;
  mul(a: TfTensor, b: TfTensor | number): TfTensor;
  div(a: TfTensor, b: TfTensor): TfTensor;
  sqrt(x: TfTensor): TfTensor;
  sigmoid(x: TfTensor): TfTensor;
  image: { resizeNearestNeighbor(x: TfTensor, size: readonly [number, number]): TfTensor };
}

/** TensorFlow.js on the adapter of this process. Needs `installWebGpuGlobals`. */
export async function openTensorFlow(): Promise<TensorFlow> {
  const tf = requirePeer("@tensorflow/tfjs-core") as TensorFlow;
  requirePeer("@tensorflow/tfjs-backend-webgpu");
  await tf.setBackend("webgpu");
  await tf.ready();
  if (tf.getBackend() !== "webgpu") throw new Error(`TensorFlow.js uses its backend ${tf.getBackend()}.`);
  return tf;
}

export function tensorFlowContender(tf: TensorFlow, { inputs, tensorFlow: formula }: Operation): Contender | undefined {
  if (!formula) return undefined;
  const upload = ({ data, shape }: HostData) => tf.tensor(data, shape);
  let weights: readonly TfTensor[] | undefined;
  return quietly({
    name: "TensorFlow.js",
    run: async () => {
      const kept = (weights ??= formula.weights.map((weight) => tf.keep(upload(weight))));
      const y = tf.tidy(() => formula.body(tf, inputs.map(upload), kept));
      const values = await y.data();
      y.dispose();
      return values;
    },
    dispose: () => {
      for (const weight of weights ?? []) weight.dispose();
    },
  });
}
