import type { Arena } from "../tensor/arena.js";
import type { Tensor } from "../tensor/tensor.js";
import type { Weights } from "../weights/store.js";
import { WeightStore } from "../weights/weight-store.js";
import type { Checkpoint } from "../weights/checkpoint.js";
import type { HostTensor } from "../tensor/host-tensor.js";
import type { Fixture } from "./fixture.js";
import type { Output, Tolerance } from "./result.js";

/** Loads a model from the fixture's checkpoint, runs `body` with it and frees its weights. */
export async function withModel<Model, Result>(
  fixture: Fixture,
  arena: Arena,
  build: (weights: Weights, checkpoint: Checkpoint) => Model,
  body: (model: Model) => Promise<Result>,
): Promise<Result> {
  const checkpoint = await fixture.checkpoint();
  using store = new WeightStore(arena, checkpoint);
  const model = build(store.root, checkpoint);
  await store.load();
  return await body(model);
}

/** Uploads a tensor in f32 in the order that it has in the file; for images see `Arena.fromNchw`. */
export function upload(arena: Arena, tensor: HostTensor): Tensor;
export function upload(arena: Arena, tensor: HostTensor | undefined): Tensor | undefined;
export function upload(arena: Arena, tensor: HostTensor | undefined): Tensor | undefined {
  return tensor && arena.from(tensor.data, tensor.shape, "f32");
}

/** Reads our tensors, frees them, and pairs each with the fixture's `out.NAME`. Feature maps are compared in torch's order. */
export async function pairOutputs(
  fixture: Fixture,
  tensors: Readonly<Record<string, Tensor>>,
  tolerance: Tolerance,
): Promise<Output[]> {
  const outputs: Output[] = [];
  for (const [name, tensor] of Object.entries(tensors)) {
    const { data: expected } = await fixture.tensor(`out.${name}`);
    const { arena, shape } = tensor;
    const actual = await (shape.length === 4 ? arena.readNchw(tensor) : tensor.read());
    tensor.dispose();
    outputs.push({ name, actual, expected, tolerance });
  }
  return outputs;
}

/** The rows of a mask `[batch, length]`. */
export function maskRows({ shape, data }: HostTensor): number[][] {
  const [batch = 0, length = 0] = shape;
  return Array.from({ length: batch }, (_, i) => [...data.subarray(i * length, (i + 1) * length)]);
}
