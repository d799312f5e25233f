// Finds state dicts of models of unknown families, only by where they are.
import { OpaqueObject } from "../formats/pickle-values.js";
import type { WeightsChoice } from "./choose-model.js";
import type { Parts } from "./entries.js";
import { namedTensors } from "./named-tensors.js";
import { unwrapNames } from "./wrappers.js";

/** A state dict under a key of the outermost dict; without a key, the outermost dict itself. */
export interface PlainStateDict<Tensor> {
  readonly key: string;
  readonly weights: WeightsChoice;
  /** True if the names are those of an EMA. */
  readonly isEma: boolean;
  readonly tensors: ReadonlyMap<string, Tensor>;
}

/** Where weights are usually saved, and which weights they are unless their names show an EMA. */
const PLACES: readonly { readonly key: string; readonly weights: WeightsChoice }[] = [
  { key: "model", weights: "online" },
  { key: "state_dict", weights: "online" },
  { key: "ema_model", weights: "ema" },
  { key: "ema", weights: "ema" },
  { key: "", weights: "online" },
];

interface EmaNames {
  readonly weights: WeightsChoice;
  readonly prefix: RegExp;
  readonly becomes: string;
}

/** Names in the state dict of an EMA: of one that wraps a model, and of a list of EMAs, one for each network of `list`. */
function emaNames(list: string | undefined): readonly EmaNames[] {
  const one: readonly EmaNames[] = [
    { weights: "ema", prefix: /^ema_model\./, becomes: "" },
    { weights: "online", prefix: /^online_model\./, becomes: "" },
  ];
  if (list === undefined) return one;
  return one.flatMap((names): EmaNames[] => [
    names,
    { ...names, prefix: new RegExp(`^(\\d+)\\.${names.prefix.source.slice(1)}`), becomes: `${list}.$1.` },
  ]);
}

/** The state dicts in a tree, in order of preference. `isChosen` means that the user chose the tree. */
export function plainStateDicts<Tensor>(
  tree: unknown,
  parts: Parts<Tensor>,
  isChosen: boolean,
): readonly PlainStateDict<Tensor>[] {
  const outer = tree instanceof Map ? (tree as ReadonlyMap<unknown, unknown>) : new Map<unknown, unknown>();
  return PLACES.flatMap(({ key, weights }): readonly PlainStateDict<Tensor>[] => {
    const tensors = directTensors(key === "" ? tree : outer.get(key), parts);
    if (tensors.size === 0 || (key === "" && !isChosen && !isStateDict(outer, tensors))) return [];
    const averages = emaNames(parts.names.averagedList).flatMap((names) => renamed(tensors, names));
    if (averages.length > 0) return averages.map((average) => ({ ...average, key, isEma: true }));
    return [{ key, weights, isEma: false, tensors: unwrapNames(tensors) }];
  });
}

function directTensors<Tensor>(value: unknown, parts: Parts<Tensor>): ReadonlyMap<string, Tensor> {
  if (value instanceof OpaqueObject)
    return new Map(namedTensors(value, parts).map(({ stored, tensor }) => [stored, tensor]));
  const tensors = new Map<string, Tensor>();
  if (value instanceof Map)
    for (const [name, tensor] of value)
      if (typeof name === "string" && parts.kind.isTensor(tensor)) tensors.set(name, tensor);
  return tensors;
}

/** A few tensors among other values are not a state dict; a few other values among tensors do not matter. */
function isStateDict(outer: ReadonlyMap<unknown, unknown>, tensors: ReadonlyMap<string, unknown>): boolean {
  return 2 * tensors.size > outer.size;
}

function renamed<Tensor>(
  tensors: ReadonlyMap<string, Tensor>,
  { weights, prefix, becomes }: EmaNames,
): readonly Pick<PlainStateDict<Tensor>, "weights" | "tensors">[] {
  const own = [...tensors].filter(([name]) => prefix.test(name));
  if (own.length === 0) return [];
  return [{ weights, tensors: unwrapNames(new Map(own.map(([name, one]) => [name.replace(prefix, becomes), one]))) }];
}
