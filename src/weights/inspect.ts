import type { Checkpoint } from "./checkpoint.js";
import { componentOf, type Component } from "../models/dalle2-pytorch/dialect/component.js";
import { detectDialect, type DetectedDialect } from "../models/dalle2-pytorch/dialect/detect-dialect.js";
import { compareVersions } from "../models/dalle2-pytorch/dialect/dialect.js";
import { elementCount } from "./dtypes.js";
import type { TensorEntry } from "./tensor-entry.js";
import type { Skipped } from "./tree/skipped.js";

/** From this version on, dialects are compared with outputs of the reference; older ones follow its history as read. */
const VERIFIED_SINCE = "0.11.0";

export interface InspectedTensor {
  readonly name: string;
  /** The element type; one that this library does not read goes by the file's name for it. */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly parameters: number;
}

/** A model's tensors, and how many elements they have in all, buffers included. */
export interface InspectedTensors {
  readonly parameters: number;
  readonly tensors: readonly InspectedTensor[];
}

export interface InspectedDialect extends Omit<DetectedDialect, "component" | "warnings"> {
  /** Whether this dialect was compared with outputs of the version that it belongs to. */
  readonly verified: boolean;
}

/** What a checkpoint's headers say of it, as plain data. */
export interface Inspection extends InspectedTensors {
  readonly file: string;
  readonly format: Checkpoint["format"];
  readonly container: Checkpoint["container"];
  /** Where in the file the model is, keys with dots between; empty for the outermost dict. */
  readonly key: string;
  readonly weights: Checkpoint["weights"];
  readonly availableWeights: Checkpoint["availableWeights"];
  readonly component: Component | "unknown";
  /** The version in the file; null where it has none. */
  readonly version: string | null;
  /** Null for what is no model of this family. */
  readonly dialect: InspectedDialect | null;
  readonly warnings: readonly string[];
  /** The train config in the file; null where it has none. */
  readonly config: unknown;
  /** The CLIP saved along with the model; null where none was. */
  readonly clip: InspectedTensors | null;
  /** What else the file holds and is not read. */
  readonly skipped: readonly Skipped[];
}

/** Describes a checkpoint; no tensor is read. Throws `DialectError` for a version that is too old, or is none. */
export function inspectCheckpoint(checkpoint: Checkpoint): Inspection {
  const { name: file, format, container, key, weights, availableWeights } = checkpoint;
  const { version, config, tensors, clip, skipped } = checkpoint;
  const component = componentOf(tensors);
  const { dialect, warnings } = component ? inspectDialect(checkpoint) : { dialect: null, warnings: [] };
  return {
    file,
    format,
    container,
    key,
    weights,
    availableWeights,
    component: component ?? "unknown",
    version: version ?? null,
    dialect,
    warnings,
    config: config ?? null,
    ...inspectTensors(tensors),
    clip: clip.size > 0 ? inspectTensors(clip) : null,
    skipped,
  };
}

function inspectDialect(checkpoint: Checkpoint): { dialect: InspectedDialect; warnings: readonly string[] } {
  // As written: what the file's version did, not what we would do today.
  const { component, warnings, ...detected } = detectDialect(checkpoint, { sampler: "as-written" });
  const verified = component === "clip" || compareVersions(detected.dialect.version, VERIFIED_SINCE) >= 0;
  return { dialect: { ...detected, verified }, warnings };
}

function inspectTensors(entries: ReadonlyMap<string, TensorEntry>): InspectedTensors {
  const tensors = [...entries.values()].map(({ name, typeName, shape }) => ({
    name,
    dtype: typeName,
    shape,
    parameters: elementCount(shape),
  }));
  return { tensors, parameters: tensors.reduce((sum, { parameters }) => sum + parameters, 0) };
}
