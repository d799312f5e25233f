import type { Checkpoint } from "../weights/checkpoint.js";
import { convertedBytes, type ConvertOptions as Storage } from "../weights/convert.js";
import { claimOf } from "./families.js";

/** How to store a converted checkpoint. */
export type ConvertOptions = Omit<Storage, "metadata">;

/**
 * The bytes of a safetensors file with all that `convertedBytes` writes, and what its family says of it. Throws what either
 * throws, when the first bytes are asked for.
 */
export async function* convertCheckpoint(
  checkpoint: Checkpoint,
  options: ConvertOptions = {},
): AsyncGenerator<Uint8Array> {
  const metadata = claimOf({ kind: "file", ...checkpoint })?.family.convertedMetadata(checkpoint);
  yield* convertedBytes(checkpoint, { ...options, ...(metadata && { metadata }) });
}
