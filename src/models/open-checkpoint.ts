import type { ByteSource } from "../platform/source.js";
import * as weights from "../weights/checkpoint.js";
import { modelNames } from "./families.js";

/**
 * Opens a checkpoint in any supported format: safetensors, torch's zip, torch's format before 1.6, TorchScript; one file, or
 * shards with an index. The model in it is found by the names of the known families. Only headers are read. Takes ownership
 * of the source: `close` closes it, and so does a failure to open (FormatError, FileError).
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
