import type { ByteSource } from "../platform/source.js";
import * as weights from "../weights/checkpoint.js";
import { modelNames } from "./families.js";

/**
 * Opens a checkpoint of any format that this library reads: safetensors, torch's zip and what it wrote before 1.6, in one
 * file or in shards with an index, TorchScript. The model in it is found by the names of the known families. Only headers
 * are read. The source is the checkpoint's from here on: closed by `close`, or at once when opening fails (FormatError,
 * FileError).
 *
 * @example
 * const checkpoint = await openCheckpoint(await openSource("prior.pth"));
 * console.log(checkpoint.version, [...checkpoint.tensors.keys()]);
 * await checkpoint.close();
 */
export function openCheckpoint(
  source: ByteSource,
  options: weights.CheckpointOptions = {},
): Promise<weights.Checkpoint> {
  return weights.openCheckpoint(source, { ...options, names: modelNames() });
}
