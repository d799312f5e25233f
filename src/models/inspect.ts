import type { Checkpoint } from "../weights/checkpoint.js";
import { inspectTensors } from "../weights/inspect.js";
import { claimOf } from "./families.js";
import type { ReportSection } from "./family.js";
import type { Inspection } from "./inspection.js";

/** The same, and a report of its family for people. */
export interface Examination {
  readonly inspection: Inspection;
  readonly sections: readonly ReportSection[];
}

/** Describes a checkpoint without reading tensors. Rejects with its family's error if it cannot be read. */
export async function examineCheckpoint(checkpoint: Checkpoint): Promise<Examination> {
  const { name: file, format, container, key, weights, availableWeights } = checkpoint;
  const { version, config, tensors, clip, skipped } = checkpoint;
  const report = await claimOf({ kind: "file", ...checkpoint })?.family.inspect(checkpoint);
  const inspection = {
    file,
    format,
    container,
    key,
    weights,
    availableWeights,
    component: report?.component ?? "unknown",
    version: version ?? null,
    dialect: report?.dialect ?? null,
    warnings: report?.warnings ?? [],
    config: config ?? null,
    ...inspectTensors(tensors),
    clip: clip.size > 0 ? inspectTensors(clip) : null,
    skipped,
  };
  return { inspection, sections: report?.sections ?? [] };
}

/** Describes a checkpoint from its headers. Rejects as `examineCheckpoint`. */
export async function inspectCheckpoint(checkpoint: Checkpoint): Promise<Inspection> {
  return (await examineCheckpoint(checkpoint)).inspection;
}
