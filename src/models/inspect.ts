import type { Checkpoint } from "../weights/checkpoint.js";
import { inspectTensors, type InspectedTensors } from "../weights/inspect.js";
import type { Skipped } from "../weights/tree/skipped.js";
import { claimOf } from "./families.js";
import type { FamilyReport, ReportSection } from "./family.js";

/** The description of a checkpoint from its headers, as plain data. */
export interface Inspection extends InspectedTensors {
  /** Path or URL of the file, or its name. */
  readonly file: string;
  /** As in `Checkpoint`. */
  readonly format: Checkpoint["format"];
  /** How the file stores the model. */
  readonly container: Checkpoint["container"];
  /** Where the model is in the file: keys joined by dots; empty for the outermost dict. */
  readonly key: string;
  /** Which weights `tensors` are. */
  readonly weights: Checkpoint["weights"];
  /** Which weights the file has. */
  readonly availableWeights: Checkpoint["availableWeights"];
  /** The component, as its family calls it. */
  readonly component: string;
  /** The version in the file; null if it has none. */
  readonly version: string | null;
  /** How its family reads it; null if no family claims it. */
  readonly dialect: FamilyReport["dialect"] | null;
  /** What is odd about it, a sentence for each. */
  readonly warnings: readonly string[];
  /** The train config in the file; null if it has none. */
  readonly config: unknown;
  /** The CLIP saved with the model; null if there is none. */
  readonly clip: InspectedTensors | null;
  /** Other content of the file. */
  readonly skipped: readonly Skipped[];
}

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
