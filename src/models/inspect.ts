import type { Checkpoint } from "../weights/checkpoint.js";
import { inspectTensors, type InspectedTensors } from "../weights/inspect.js";
import type { Skipped } from "../weights/tree/skipped.js";
import { claimOf } from "./families.js";
import type { FamilyReport, ReportSection } from "./family.js";

/** What a checkpoint's headers say of it, as plain data. */
export interface Inspection extends InspectedTensors {
  readonly file: string;
  readonly format: Checkpoint["format"];
  readonly container: Checkpoint["container"];
  /** Where in the file the model is, keys with dots between; empty for the outermost dict. */
  readonly key: string;
  readonly weights: Checkpoint["weights"];
  readonly availableWeights: Checkpoint["availableWeights"];
  /** What its family calls it. */
  readonly component: string;
  /** The version in the file; null where it has none. */
  readonly version: string | null;
  /** How its family reads it; null for what no family claims. */
  readonly dialect: FamilyReport["dialect"] | null;
  readonly warnings: readonly string[];
  /** The train config in the file; null where it has none. */
  readonly config: unknown;
  /** The CLIP saved along with the model; null where none was. */
  readonly clip: InspectedTensors | null;
  /** What else the file holds and is not read. */
  readonly skipped: readonly Skipped[];
}

/** The same, and what its family shows people of it. */
export interface Examination {
  readonly inspection: Inspection;
  readonly sections: readonly ReportSection[];
}

/** Describes a checkpoint; no tensor is read. Throws what its family throws for what cannot be read. */
export function examineCheckpoint(checkpoint: Checkpoint): Examination {
  const { name: file, format, container, key, weights, availableWeights } = checkpoint;
  const { version, config, tensors, clip, skipped } = checkpoint;
  const report = claimOf({ kind: "file", ...checkpoint })?.family.inspect(checkpoint);
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

/** What a checkpoint's headers say of it. Throws as `examineCheckpoint`. */
export function inspectCheckpoint(checkpoint: Checkpoint): Inspection {
  return examineCheckpoint(checkpoint).inspection;
}
