import type { Operation } from "../operations/operation.js";
import { toNchw, type HostData } from "../lib/host-data.js";
import { quietly, type Contender } from "../lib/measure.js";
import { importPeer } from "./packages.js";

export interface JaxArray {
  /** The same array for one more use: operations take their arguments over. */
  readonly ref: JaxArray;
  reshape(shape: readonly number[]): JaxArray;
  data(): Promise<Float32Array>;
  dispose(): void;
}

/** What is used of jax-js. */
export interface Jax {
  init(device: string): Promise<readonly string[]>;
  defaultDevice(device: string): void;
  jit(body: (...inputs: JaxArray[]) => JaxArray): (...inputs: JaxArray[]) => JaxArray;
  numpy: {
    array(data: Float32Array): JaxArray;
    matmul(a: JaxArray, b: JaxArray): JaxArray;
  };
  lax: {
    convGeneralDilated(
      x: JaxArray,
      w: JaxArray,
      strides: readonly number[],
      padding: readonly (readonly number[])[],
    ): JaxArray;
  };
}

/** jax-js on the adapter of this process. Needs `installWebGpuGlobals`. */
export async function openJax(): Promise<Jax> {
  const jax = (await importPeer("@jax-js/jax/dist/index.js")) as Jax;
  const devices = await jax.init("webgpu");
  if (!devices.includes("webgpu")) throw new Error(`jax-js has only ${devices.join(", ")}.`);
  jax.defaultDevice("webgpu");
  return jax;
}

export function jaxContender(jax: Jax, { inputs, isNchw = false, jax: formula }: Operation): Contender | undefined {
  if (!formula) return undefined;
  const upload = ({ data, shape }: HostData) => jax.numpy.array(data).reshape(shape);
  const given = isNchw ? inputs.map(toNchw) : inputs;
  const compiled = jax.jit((...all) => formula.body(jax, all.slice(0, given.length), all.slice(given.length)));
  let weights: readonly JaxArray[] | undefined;
  return quietly({
    name: "jax-js",
    run: () => {
      weights ??= formula.weights.map(upload);
      return compiled(...given.map(upload), ...weights.map(({ ref }) => ref)).data();
    },
    dispose: () => {
      for (const weight of weights ?? []) weight.dispose();
    },
  });
}
