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

/** The content of a file of any format. */
export interface StoredTree<Tensor> {
  /** Dicts as Map, down to tensors. */
  readonly tree: unknown;
  readonly kind: TensorKind<Tensor>;
  /** A tensor of the tree, with a name for it. */
  readonly entry: (name: string, tensor: Tensor) => TensorEntry;
  /** Strings beside the tensors, in formats that have them. */
  readonly metadata: ReadonlyMap<string, string>;
  /** The cost that walking the tree may have. */
  readonly budget: Budget;
}

/** A model in a file, with its version and config. */
export interface ModelContent {
  readonly container: Container;
  /** Where the model is in the file: keys of dicts and the prefix of its tensors' names, joined by dots. */
  readonly key: string;
  readonly weights: WeightsChoice;
  readonly availableWeights: readonly WeightsChoice[];
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly clip: ReadonlyMap<string, TensorEntry>;
  readonly skipped: readonly Skipped[];
  readonly version?: string;
  readonly config?: unknown;
}

/** Which model of a file to use. */
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
 * True for a version: a string that begins like a version (other strings name a run or a program), or an object with such a
 * string. Throws FormatError if that cannot be read.
 */
function isVersion(value: unknown, source: string): boolean {
  const text = typeof value === "string" ? value : versionText(value, source);
  return text !== undefined && /^(?!\d{4}-\d\d-\d\d)v?\d/.test(text);
}

/** The value under a key in the innermost dict that has an accepted one. */
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
