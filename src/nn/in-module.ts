import type { TensorArena } from "../tensor/tensor.js";

/**
 * Runs the forward pass of a module. Its dispatches carry the `path`, and errors name it. `path` always begins at the
 * model, for example `unets.0.downs.1.block2`.
 */
export function inModule<T>({ stream }: Pick<TensorArena, "stream">, path: string, body: () => T): T {
  const { modulePath } = stream;
  if (path === modulePath) return body();
  return stream.at(path.startsWith(`${modulePath}.`) ? path.slice(modulePath.length + 1) : path, body);
}
