import type { Checkpoint } from "../weights/checkpoint.js";
import { convertedBytes, type ConvertOptions as Storage } from "../weights/convert.js";
import { claimOf } from "./families.js";

/** How to convert a checkpoint. */
export type ConvertOptions = Omit<Storage, "metadata">;

/**
 * The bytes of a safetensors file, as `convertedBytes` writes it, with the metadata of its family. Throws their errors when
 * the first bytes are requested.
 */
export async function* convertCheckpoint(
  checkpoint: Checkpoint,
  options: ConvertOptions = {},
): AsyncGenerator<Uint8Array> {
  const claimed = claimOf({ kind: "file", ...checkpoint });
  const metadata = await claimed?.family.convertedMetadata(checkpoint);
  yield* convertedBytes(checkpoint, { ...options, ...(metadata && { metadata }) });
}
