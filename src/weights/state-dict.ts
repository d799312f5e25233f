import { FormatError } from "./errors.js";
import { OpaqueObject } from "./formats/pickle-values.js";
import { chooseModel, describeOthers, type ChosenModel, type Wanted, type WeightsChoice } from "./tree/choose-model.js";
import { dictsOnPath, describeKeys, keyText, valueAt, type StateDictKey } from "./tree/key.js";
import type { Parts } from "./tree/entries.js";
import type { ModelKind } from "./tree/model-names.js";
import { namedTensors, type TensorHolder, type NamedTensor } from "./tree/named-tensors.js";
import { excerpt } from "../platform/printable.js";
import { plainStateDicts } from "./tree/plain-state-dict.js";

/** How a checkpoint stores its model. */
export type Container = "bare state dict" | "EMA state dict" | "module" | "trainer save" | "tracker save" | "dict";

/** The tensors of a model in a checkpoint. */
export interface ModelWeights<Tensor> {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly weights: WeightsChoice;
  /** The weights that the file offers. */
  readonly available: readonly WeightsChoice[];
  readonly container: Container;
  /** Where they are in the file: keys of dicts and the prefix of names, joined by dots. Empty for the outermost dict. */
  readonly key: string;
  /** The dicts around them, from the outermost to the innermost. */
  readonly around: readonly ReadonlyMap<unknown, unknown>[];
}

/** What to look for in a file. */
export interface FindOptions {
  readonly weights?: WeightsChoice | undefined;
  readonly model?: ModelKind | undefined;
  readonly key?: StateDictKey | undefined;
}

/**
 * Finds the weights of a model in a checkpoint by the names of its tensors: in a bare state dict, in a container at any
 * depth, in part of a state dict, in an EMA, in a pickled module. Other content is ignored, and optimizer state is never
 * used as weights. A model of an unknown family is found only in places where weights are usually saved. Throws FormatError
 * if there is no model, none of the wanted kind, or several that match equally.
 */
export function findWeights<Tensor>(tree: unknown, parts: Parts<Tensor>, options: FindOptions): ModelWeights<Tensor> {
  const { source } = parts.budget;
  const start = options.key === undefined ? "" : keyText(options.key);
  const root = start === "" ? tree : valueAt(tree, start, parts);
  const named = namedTensors(root, parts);
  const wanted = { weights: options.weights, model: options.model, key: start, source };
  const found = findModel({ tree, root }, named, parts, wanted) ?? findPlain(root, parts, wanted);
  if (!found) throw new FormatError(source, describeMissing(root, named));
  const key = [start, found.key].filter((part) => part !== "").join(".");
  return {
    tensors: found.tensors,
    weights: found.weights,
    available: found.available,
    container: containerOf(tree, found),
    key,
    around: dictsOnPath(tree, key, parts),
  };
}

interface Found<Tensor> extends Pick<ChosenModel<Tensor>, "tensors" | "weights" | "available" | "key"> {
  readonly isEma: boolean;
  /** True if the tensors are directly in the outermost dict or object. */
  readonly isOutermost: boolean;
}

/** Finds a model of a known family. */
function findModel<Tensor>(
  { tree, root }: { readonly tree: unknown; readonly root: unknown },
  named: readonly NamedTensor<Tensor>[],
  parts: Parts<Tensor>,
  wanted: Wanted,
): Found<Tensor> | undefined {
  const chosen = chooseModel(named, parts, wanted);
  if (!chosen) return undefined;
  const isOutermost = root === tree && [...chosen.holders].some((holder) => holder.key === "");
  return { ...chosen, isEma: chosen.origin !== "trained", isOutermost };
}

/** Finds a model of an unknown family. */
function findPlain<Tensor>(
  root: unknown,
  parts: Parts<Tensor>,
  { weights, key, source }: Wanted,
): Found<Tensor> | undefined {
  const isChosen = key !== "";
  const found = plainStateDicts(root, parts, isChosen);
  if (found.length === 0) return undefined;
  const available = [...new Set(found.map((one) => one.weights))];
  const chosen = found.find((one) => weights === undefined || one.weights === weights);
  if (!chosen) throw new FormatError(source, describeOthers(available));
  const online = chosen.weights === "ema" ? found.find((one) => one.weights === "online") : undefined;
  const tensors = online ? new Map([...online.tensors, ...chosen.tensors]) : chosen.tensors;
  return { ...chosen, tensors, available, isOutermost: chosen.key === "" && !isChosen };
}

/** Container types by the keys beside a state dict. The first match counts. */
const CONTAINERS: readonly (readonly [key: RegExp, Container])[] = [
  [/^(optimizer|optim\d+|scaler\d*|ema)$/, "trainer save"],
  [/^version$/, "tracker save"],
];

function containerOf(tree: unknown, { isOutermost, isEma }: Found<unknown>): Container {
  if (isOutermost && isEma) return "EMA state dict";
  if (!(tree instanceof Map)) return tree instanceof OpaqueObject ? "module" : "dict";
  if (isOutermost) return "bare state dict";
  return (
    CONTAINERS.find(([pattern]) => [...tree.keys()].some((key) => typeof key === "string" && pattern.test(key)))?.[1] ??
    "dict"
  );
}

/** Most dicts that a message lists. */
const MAX_LISTED = 12;

function describeMissing(root: unknown, named: readonly NamedTensor<unknown>[]): string {
  if (named.some(({ stored }) => /(?:^|\.)_?flat_param(?:_\d+)?$/.test(stored)))
    return "FSDP flattened its parameters, and the file does not say how; save a full state dict (StateDictType.FULL_STATE_DICT)";
  const problem = `it contains no model: expected a state dict, or one under "model"; ${describeKeys(root)}`;
  const counts = new Map<TensorHolder, number>();
  for (const { holder } of named) counts.set(holder, (counts.get(holder) ?? 0) + 1);
  const listed = [...counts].filter(([{ key }]) => key !== "").slice(0, MAX_LISTED);
  if (listed.length === 0) return problem;
  const dicts = listed.map(([{ key }, count]) => `${excerpt(key)} (${count})`);
  return `${problem}. Tensors are in ${dicts.join("; ")}; if one of these is the model, set its key as "state_dict_key" beside load_model_from or with --key`;
}
