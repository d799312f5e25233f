import { writeFile } from "node:fs/promises";
import { openSource } from "../../src/files/open.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { writeSafetensors, type TensorData } from "../../src/weights/formats/safetensors.js";
import { collect } from "./collect.js";

export interface Rewriting {
  /** Default: unchanged. */
  readonly version?: string | null;
  /** Default: unchanged. */
  readonly config?: null;
  /** Changes each tensor; null removes it. */
  readonly tensor?: (tensor: TensorData) => TensorData | null;
  /** A checkpoint whose tensors are saved too, as `clip.*`. */
  readonly clip?: string;
}

/** Rewrites a small checkpoint as safetensors with some changes. */
export async function rewriteCheckpoint(from: string, to: string, change: Rewriting): Promise<void> {
  const checkpoint = await openCheckpoint(await openSource(from));
  const tensors = await tensorsOf(from, "");
  if (change.clip !== undefined) tensors.push(...(await tensorsOf(change.clip, "clip.")));
  const version = change.version === undefined ? checkpoint.version : change.version;
  const metadata = new Map<string, string>();
  if (version != null) metadata.set("version", version);
  if (change.config === undefined && checkpoint.config !== undefined)
    metadata.set("config", JSON.stringify(checkpoint.config));
  const kept = tensors.flatMap((tensor) => (change.tensor ?? ((same) => same))(tensor) ?? []);
  await checkpoint.close();
  await writeFile(to, await collect(writeSafetensors(kept, metadata)));
}

async function tensorsOf(file: string, prefix: string): Promise<TensorData[]> {
  const checkpoint = await openCheckpoint(await openSource(file));
  const tensors: TensorData[] = [];
  for (const [name, entry] of checkpoint.tensors) {
    const bytes = await entry.read();
    tensors.push({ name: prefix + name, dtype: entry.readableDtype, shape: entry.shape, chunks: () => [bytes] });
  }
  await checkpoint.close();
  return tensors;
}
