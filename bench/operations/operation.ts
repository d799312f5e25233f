import type { HostData } from "../lib/host-data.js";
import type { OnnxModel } from "../peers/onnx-model.js";
import type { Subject } from "../lib/subject.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import type { Jax, JaxArray } from "../peers/jax.js";
import type { TensorFlow, TfTensor } from "../peers/tensorflow.js";

/** What an operation of `operations.json` computes, in forms for each runtime. Feature maps are channels-last. */
export interface Operation {
  readonly kind: string;
  /** Its name with sizes. */
  readonly name: string;
  /** Multiplications and additions, if they bound it. */
  readonly flops?: number;
  /** Bytes that are read and written in f32, if those bound it. */
  readonly bytes: number;
  readonly inputs: readonly HostData[];
  readonly output: readonly number[];
  /** Values of the result at these places, in float64. */
  expected(places: readonly number[]): readonly number[];
  /** In a build of this repository. */
  ours(subject: Subject): Promise<{ body: (...inputs: Tensor[]) => Tensor; store?: Disposable }>;
  /** Its graphs, by the name of the form. Feature maps are channels-first there. */
  readonly onnx: Readonly<Record<string, OnnxModel>>;
  /** Whether inputs and results of `onnx` and `jax` are channels-first. */
  readonly isNchw?: boolean;
  /** Weights that stay on the device, and the computation. */
  readonly tensorFlow?: Formula<TensorFlow, TfTensor>;
  readonly jax?: Formula<Jax, JaxArray>;
}

export interface Formula<Library, Value> {
  readonly weights: readonly HostData[];
  body(library: Library, inputs: readonly Value[], weights: readonly Value[]): Value;
}
