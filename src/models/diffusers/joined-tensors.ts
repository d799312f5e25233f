import type { TensorEntry } from "../../weights/tensor-entry.js";
import type { TensorSource } from "../../weights/tensor-source.js";

/** The weights of a component of a folder. */
export interface ComponentTensors {
  readonly component: string;
  readonly source: TensorSource;
}

/** The weights of several components as one, whose names begin with that of their component. */
export function joinedTensors(parts: readonly ComponentTensors[]): TensorSource {
  const tensors = new Map<string, TensorEntry>();
  for (const { component, source } of parts) {
    for (const [name, entry] of source.tensors) tensors.set(`${component}.${name}`, entry);
  }
  const complete = async (signal?: AbortSignal): Promise<void> => {
    await Promise.all(parts.map(async ({ source }) => source.complete?.(signal)));
  };
  return { name: parts.map(({ source }) => source.name).join(" and "), tensors, complete };
}
