import type { TensorArena } from "../tensor/tensor.js";

/**
 * Runs the forward pass of the module with a path in its model, as `unets.0.downs.1.block2`: what it dispatches carries the
 * path, and errors name it. `path` begins at the model, also inside of another module.
 */
export function inModule<T>({ stream }: Pick<TensorArena, "stream">, path: string, body: () => T): T {
  const { place } = stream;
  if (path === place) return body();
  return stream.at(path.startsWith(`${place}.`) ? path.slice(place.length + 1) : path, body);
}
