import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Contender } from "../lib/measure.js";
import { requirePeer } from "./packages.js";

type TensorData = Float32Array | BigInt64Array | Int32Array;

export interface OrtInput {
  readonly data: TensorData;
  readonly shape: readonly number[];
}

interface Session {
  run(feeds: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, { readonly data: Float32Array }>>>;
  release(): Promise<void>;
}

/** What is used of onnxruntime-node. */
interface OnnxRuntime {
  readonly Tensor: new (type: string, data: TensorData, shape: readonly number[]) => unknown;
  readonly InferenceSession: { create(model: Uint8Array | string, options: object): Promise<Session> };
}

/** Its own threads must not spin while others compute: that time would count for those. */
const SESSION = {
  logSeverityLevel: 3,
  extra: { session: { intra_op: { allow_spinning: "0" }, inter_op: { allow_spinning: "0" } } },
};

const PROVIDERS = {
  /** Its default layout for convolutions. */
  webgpu: [{ name: "webgpu", preferredLayout: "NHWC" }],
  "webgpu nchw": [{ name: "webgpu", preferredLayout: "NCHW" }],
  cpu: ["cpu"],
} as const;

export type Provider = keyof typeof PROVIDERS;

const typeOf = (data: TensorData): string =>
  data instanceof BigInt64Array ? "int64" : data instanceof Int32Array ? "int32" : "float32";

/** Runs a graph with inputs by name, and returns one of its outputs. It waits on threads of its own. */
export function ortContender(
  name: string,
  model: Uint8Array | string,
  inputs: Readonly<Record<string, OrtInput>>,
  { output = "y", provider = "webgpu" }: { output?: string; provider?: Provider } = {},
): Contender {
  const { Tensor, InferenceSession } = requirePeer("onnxruntime-node") as OnnxRuntime;
  let session: Session | undefined;
  return {
    name,
    run: async () => {
      session ??= await InferenceSession.create(model, { ...SESSION, executionProviders: PROVIDERS[provider] });
      const feeds = Object.entries(inputs).map(([key, { data, shape }]) => [
        key,
        new Tensor(typeOf(data), data, shape),
      ]);
      const results = await session.run(Object.fromEntries(feeds) as Record<string, unknown>);
      return results[output]!.data;
    },
    dispose: () => session?.release(),
  };
}

/** Inputs and outputs that `python/export_onnx.py` wrote beside a graph. */
export interface Example {
  readonly graph: string;
  /** Multiplications and additions of its products. */
  readonly flops: number;
  readonly inputs: Readonly<Record<string, OrtInput>>;
  readonly outputs: Readonly<Record<string, OrtInput>>;
}

interface Stored {
  readonly shape: readonly number[];
  readonly type: "float32" | "int32" | "int64";
  readonly base64: string;
}

interface StoredExample extends Record<"inputs" | "outputs", Readonly<Record<string, Stored>>> {
  readonly flops: number;
}

const ARRAYS = { float32: Float32Array, int32: Int32Array, int64: BigInt64Array } as const;

export function readExample(folder: string, name: string): Example {
  const text = readFileSync(join(folder, `${name}.json`), "utf8");
  const { flops, inputs, outputs } = JSON.parse(text) as StoredExample;
  const decode = ({ shape, type, base64 }: Stored): OrtInput => {
    const bytes = Uint8Array.from(Buffer.from(base64, "base64"));
    return { shape, data: new ARRAYS[type](bytes.buffer) };
  };
  const all = (stored: Readonly<Record<string, Stored>>) =>
    Object.fromEntries(Object.entries(stored).map(([key, value]) => [key, decode(value)]));
  return { graph: join(folder, `${name}.onnx`), flops, inputs: all(inputs), outputs: all(outputs) };
}
