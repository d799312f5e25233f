import { JsonError, parseJson } from "../platform/json.js";
import { FormatError } from "./errors.js";
import type { Budget } from "./formats/budget.js";
import { toPlain } from "./formats/plain.js";
import { versionText } from "./formats/version.js";
import { findWeights, type Container, type FindOptions } from "./state-dict.js";
import type { TensorEntry } from "./tensor-entry.js";
import type { WeightsChoice } from "./tree/choose-model.js";
import { Parts, type TensorKind } from "./tree/entries.js";
import { NO_NAMES, type ModelNames } from "./tree/model-names.js";
import { listSkipped, type Skipped } from "./tree/skipped.js";
import { splitComponents } from "./tree/wrappers.js";

/** What a file holds, whatever its format. */
export interface StoredTree<Tensor> {
  /** Dicts as Map, down to tensors. */
  readonly tree: unknown;
  readonly kind: TensorKind<Tensor>;
  /** A tensor of the tree under the name that it is to have. */
  readonly entry: (name: string, tensor: Tensor) => TensorEntry;
  /** The strings beside the tensors, in formats that have such. */
  readonly metadata: ReadonlyMap<string, string>;
  /** What walking the tree may cost. */
  readonly budget: Budget;
}

/** A model in a file, and what the file says of it. */
export interface ModelContent {
  readonly container: Container;
  /** Where in the file the model is: keys of dicts, and what its tensors' names begin with there, with dots between. */
  readonly key: string;
  readonly weights: WeightsChoice;
  readonly availableWeights: readonly WeightsChoice[];
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly clip: ReadonlyMap<string, TensorEntry>;
  readonly skipped: readonly Skipped[];
  readonly version?: string;
  readonly config?: unknown;
}

/** Which model of a file is wanted. */
export interface ModelOptions extends FindOptions {
  /** What names of tensors tell. Default: nothing. */
  readonly names?: ModelNames | undefined;
}

/** Finds the model in a file, its version and its config. Throws FormatError. */
export function readModel<Tensor>(
  { tree, kind, entry, metadata, budget }: StoredTree<Tensor>,
  { names = NO_NAMES, ...options }: ModelOptions,
): ModelContent {
  const { source } = budget;
  const parts = new Parts(kind, budget, names);
  const found = findWeights(tree, parts, options);
  const { model, clip } = splitComponents(found.tensors, names.dropped);
  const entries = (part: ReadonlyMap<string, Tensor>) =>
    new Map([...part].map(([name, tensor]) => [name, entry(name, tensor)] as const));
  const version = nearest(found.around, "version", (value) => isVersion(value, source));
  const config = nearest(found.around, "config", (value) => value instanceof Map);
  const isKnown = (node: object, key: string): boolean =>
    [version, config].some((known) => known?.dict === node && known.key === key);
  const taken = { parts, tensors: new Set([...model.values(), ...clip.values()]), isKnown };
  const [savedVersion, savedConfig] = [metadata.get("version"), metadata.get("config")];
  return {
    container: found.container,
    key: found.key,
    weights: found.weights,
    availableWeights: found.available,
    tensors: entries(model),
    clip: entries(clip),
    skipped: listSkipped(tree, taken),
    ...(version && { version: versionText(version.value, source)! }),
    ...(config && { config: toPlain(config.value, budget) }),
    ...(savedVersion !== undefined && isVersion(savedVersion, source) && { version: savedVersion }),
    ...(savedConfig !== undefined && { config: parseConfig(savedConfig, source) }),
  };
}

/**
 * Whether a value is a version: a text that begins as versions do, as others name a run or what wrote the file; or an
 * object that holds such a text. Throws FormatError where that cannot be read.
 */
function isVersion(value: unknown, source: string): boolean {
  const text = typeof value === "string" ? value : versionText(value, source);
  return text !== undefined && /^(?!\d{4}-\d\d-\d\d)v?\d/.test(text);
}

/** What the innermost of some dicts has under a key, of those in which it is fit. */
function nearest(
  dicts: readonly ReadonlyMap<unknown, unknown>[],
  key: string,
  isFit: (value: unknown) => boolean,
): { readonly dict: object; readonly key: string; readonly value: unknown } | undefined {
  const dict = dicts.findLast((one) => isFit(one.get(key)));
  return dict && { dict, key, value: dict.get(key) };
}

function parseConfig(json: string, source: string): unknown {
  try {
    return parseJson(json);
  } catch (cause) {
    if (!(cause instanceof JsonError)) throw cause;
    throw new FormatError(source, `metadata config ${cause.message}`, { cause });
  }
}
