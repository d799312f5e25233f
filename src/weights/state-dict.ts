import { OpaqueObject } from "./pickle-values.js";
import { TensorRef } from "./torch-objects.js";

/** A model's tensors in a checkpoint's tree, by name. */
export interface StateDict {
  readonly tensors: ReadonlyMap<string, TensorRef>;
  /** The dict that holds the state dict beside version, config and the rest; absent where the state dict stands alone. */
  readonly container?: ReadonlyMap<unknown, unknown>;
}

/**
 * Where savers put the state dict beside other things, in order of preference: `model` by DALLE2-pytorch's trainers and
 * trackers, `state_dict` by open_clip's.
 */
const STATE_DICT_KEYS = ["model", "state_dict"] as const;

/**
 * Finds the model in what a checkpoint holds: a bare state dict, one in a container, or a TorchScript module.
 * Optimizer and EMA state is never taken for it. Gives undefined where there is none.
 */
export function findStateDict(tree: unknown): StateDict | undefined {
  if (tree instanceof OpaqueObject) return orNone(moduleTensors(tree));
  if (!(tree instanceof Map)) return undefined;
  for (const key of STATE_DICT_KEYS) {
    const found = stateDict(tree.get(key));
    if (found) return { ...found, container: tree };
  }
  const isBare = [...tree.values()].every((value) => value instanceof TensorRef);
  return isBare ? stateDict(tree) : undefined;
}

function stateDict(value: unknown): StateDict | undefined {
  if (value instanceof OpaqueObject) return orNone(moduleTensors(value));
  if (!(value instanceof Map)) return undefined;
  const tensors = new Map<string, TensorRef>();
  for (const [name, tensor] of value)
    if (typeof name === "string" && tensor instanceof TensorRef) tensors.set(name, tensor);
  return orNone(tensors);
}

function orNone(tensors: ReadonlyMap<string, TensorRef>): StateDict | undefined {
  return tensors.size > 0 ? { tensors } : undefined;
}

/** A TorchScript module's parameters and buffers under the names that its state_dict gives them. */
function moduleTensors(module: OpaqueObject): ReadonlyMap<string, TensorRef> {
  const tensors = new Map<string, TensorRef>();
  // A module reached twice keeps its first name: a hostile graph of shared modules must not unfold into all its paths.
  const seen = new Set<OpaqueObject>();
  const visit = (object: OpaqueObject, prefix: string): void => {
    if (seen.has(object) || !(object.state instanceof Map)) return;
    seen.add(object);
    for (const [key, value] of object.state as ReadonlyMap<unknown, unknown>) {
      if (typeof key !== "string") continue;
      if (value instanceof TensorRef) tensors.set(prefix + key, value);
      else if (value instanceof OpaqueObject) visit(value, `${prefix}${key}.`);
    }
  };
  visit(module, "");
  return tensors;
}
