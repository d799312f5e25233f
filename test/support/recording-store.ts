import type { Arena } from "../../src/tensor/arena.js";
import type { TensorEntry } from "../../src/weights/tensor-entry.js";
import { WeightStore } from "../../src/weights/weight-store.js";

/** A file that seems to contain every requested tensor. */
class AnyTensors extends Map<string, TensorEntry> {
  override has(): boolean {
    return true;
  }
}

/** Records the names and shapes that a model declares. Reads no file. */
export class RecordingStore extends WeightStore {
  readonly shapes = new Map<string, readonly number[]>();

  constructor(arena: Arena) {
    super(arena, { name: "recorded", tensors: new AnyTensors() });
  }

  override request(name: string, shape: readonly number[]): void {
    this.shapes.set(name, shape);
  }
}
