import type { Checkpoint } from "../weights/checkpoint.js";
import type { InspectedTensors } from "../weights/inspect.js";
import type { Skipped } from "../weights/tree/skipped.js";

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
  readonly dialect: Readonly<Record<string, unknown>> | null;
  /** What is odd about it, a sentence for each. */
  readonly warnings: readonly string[];
  /** The train config in the file; null if it has none. */
  readonly config: unknown;
  /** The CLIP saved with the model; null if there is none. */
  readonly clip: InspectedTensors | null;
  /** Other content of the file. */
  readonly skipped: readonly Skipped[];
}
