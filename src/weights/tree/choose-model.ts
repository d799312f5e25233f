// Chooses among the models in a checkpoint.
import { counted } from "../../platform/counted.js";
import { FormatError } from "../errors.js";
import { areSame, findModels, tensorsOf, type FoundModel, type WeightsOrigin } from "./models.js";
import type { Parts } from "./entries.js";
import type { ModelKind, ModelNames } from "./model-names.js";
import type { TensorHolder, NamedTensor } from "./named-tensors.js";
import { excerpt } from "../../platform/printable.js";

/** The trained weights ("online"), or their exponential moving average, which trainers keep beside them. */
export type WeightsChoice = "online" | "ema";

/** The model to look for. */
export interface Wanted {
  readonly weights?: WeightsChoice | undefined;
  /** The kind of model, for files with models of several kinds. */
  readonly model?: ModelKind | undefined;
  /** The key of the tree, for messages; empty for the outermost. */
  readonly key: string;
  /** The file, for messages. */
  readonly source: string;
}

/** The chosen weights of a model. */
export interface ChosenModel<Tensor> {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly weights: WeightsChoice;
  readonly available: readonly WeightsChoice[];
  /** The prefix of its tensors' paths, without the last dot. */
  readonly key: string;
  readonly origin: WeightsOrigin;
  readonly holders: FoundModel["holders"];
}

/**
 * Where to look for weights first: under `model`, as dalle2-laion's loader does (a tracker's save has the average there); where
 * open_clip and Lightning save them; at the root. Since 0.10.0 DiffusionPriorTrainer keeps averages as `ema_model` and
 * inside of `ema`.
 */
const PLACES: Readonly<Record<WeightsOrigin, readonly RegExp[]>> = {
  trained: [/^model\./, /^state_dict\./, /^$/],
  average: [/^ema_model\./, /^ema\./],
  copy: [],
};
const ORIGINS: readonly WeightsOrigin[] = ["trained", "average", "copy"];

/**
 * Chooses a model of a tree; undefined if no name identifies one. Averages of parts of a model (the U-Nets of a decoder)
 * replace the same parts of the rest. Throws FormatError if several models match equally, if the model has no weights of the
 * wanted kind, or if two of its tensors have the same name.
 */
export function chooseModel<Tensor>(
  named: readonly NamedTensor<Tensor>[],
  { kind, names }: Pick<Parts<Tensor>, "kind" | "names">,
  wanted: Wanted,
): ChosenModel<Tensor> | undefined {
  const all = findModels(named, names);
  const models = inOrder(ofKind(wanted.model === "clip" ? all : withoutCompanions(all, named), wanted.model, names));
  if (models.length === 0) return undefined;
  const available = [...new Set(models.map(weightsOf))];
  const fitting = models.filter((model) => wanted.weights === undefined || weightsOf(model) === wanted.weights);
  if (fitting.length === 0) throw new FormatError(wanted.source, describeOthers(available));
  const model = onlyOne(fitting, named, { kind, names }, wanted);
  const read = (one: FoundModel) =>
    tensorsOf(one, named, kind, names, ({ name, stored: [first, second] }) => {
      throw new FormatError(
        wanted.source,
        `two of its tensors map to ${excerpt(name)} of the model: ${excerpt(first)} and ${excerpt(second)}`,
        { advice: "remove one of them" },
      );
    });
  const tensors = read(model);
  const online = models.find((other) => other.component === model.component && weightsOf(other) === "online");
  const isOverlay = weightsOf(model) === "ema" && online !== undefined;
  return {
    tensors: isOverlay ? new Map([...read(online), ...tensors]) : tensors,
    weights: weightsOf(model),
    available,
    key: model.prefix.slice(0, -1),
    origin: model.origin,
    holders: model.holders,
  };
}

/** Says that there are no weights of the wanted kind. */
export function describeOthers(available: readonly WeightsChoice[]): string {
  return `it contains only ${available.join()} weights, not the requested ones; leave out the choice of weights (a tracker's save contains the average as its model)`;
}

/** The models without CLIPs that have such a name in a dict with other tensors: each belongs to another model. */
function withoutCompanions(
  models: readonly FoundModel[],
  named: readonly NamedTensor<unknown>[],
): readonly FoundModel[] {
  const isClip = ({ component, prefix }: FoundModel) => component === "clip" && /(?:^|\.)clip\.$/.test(prefix);
  const along = new Set(models.filter(isClip));
  if (along.size === 0) return models;
  // The common prefix of the paths in each holder.
  const beginnings = new Map<TensorHolder, string>();
  for (const { path, holder } of named) {
    let shared = beginnings.get(holder) ?? path;
    while (!path.startsWith(shared)) shared = shared.slice(0, shared.lastIndexOf(".", shared.length - 2) + 1);
    beginnings.set(holder, shared);
  }
  const isAlone = ({ prefix, holders }: FoundModel) =>
    [...holders].every((holder) => beginnings.get(holder)!.startsWith(prefix));
  return models.filter((model) => !along.has(model) || isAlone(model));
}

function weightsOf({ origin }: FoundModel): WeightsChoice {
  return origin === "average" ? "ema" : "online";
}

/** The models of the wanted kind, or all if no kind is wanted; of these, the most complete. */
function ofKind(
  models: readonly FoundModel[],
  wanted: ModelKind | undefined,
  { components }: ModelNames,
): readonly FoundModel[] {
  const fitting =
    wanted === undefined ? [] : models.filter(({ component }) => components.get(component)?.kind === wanted);
  const pool = fitting.length > 0 ? fitting : models;
  const rankOf = ({ component }: FoundModel) => components.get(component)?.rank ?? 0;
  const best = pool.reduce((least, model) => Math.min(least, rankOf(model)), Infinity);
  return pool.filter((model) => rankOf(model) === best);
}

function inOrder(models: readonly FoundModel[]): readonly FoundModel[] {
  return [...models].sort((a, b) => preference(a) - preference(b));
}

/** Models with a lower value are preferred. */
function preference({ origin, prefix }: FoundModel): number {
  const place = PLACES[origin].findIndex((pattern) => pattern.test(prefix));
  return 10 * ORIGINS.indexOf(origin) + (place < 0 ? PLACES[origin].length : place);
}

/** Most models that a message lists, and most that are compared. */
const MAX_LISTED = 12;

/** The first of the models. Throws if others match equally. */
function onlyOne<Tensor>(
  models: readonly FoundModel[],
  named: readonly NamedTensor<Tensor>[],
  { kind, names }: Pick<Parts<Tensor>, "kind" | "names">,
  { key, source }: Wanted,
): FoundModel {
  const equal = models.filter((model) => preference(model) === preference(models[0]!));
  const shortest = equal.reduce((best, model) => (model.prefix.length < best.prefix.length ? model : best));
  if (equal.every(({ prefix }) => prefix.startsWith(shortest.prefix))) return shortest;
  const distinct: { readonly model: FoundModel; readonly tensors: ReadonlyMap<string, Tensor> }[] = [];
  for (const model of equal.slice(0, MAX_LISTED)) {
    const tensors = tensorsOf(model, named, kind, names, () => undefined);
    if (!distinct.some((other) => areSame(other.tensors, tensors, kind))) distinct.push({ model, tensors });
  }
  if (distinct.length === 1 && equal.length <= MAX_LISTED) return distinct[0]!.model;
  const listed = distinct.map(({ model: { prefix, component }, tensors }) => {
    const full = [key, prefix.slice(0, -1)].filter((part) => part !== "").join(".");
    return `${excerpt(full)} (${names.components.get(component)?.words ?? "a model"}, ${counted(tensors.size, "tensor")})`;
  });
  const more = equal.length > MAX_LISTED ? [`up to ${equal.length - MAX_LISTED} more`] : [];
  throw new FormatError(
    source,
    `it contains several models; which one to use is not clear: ${[...listed, ...more].join("; ")}.`,
    { advice: 'choose one by its key, as "state_dict_key" beside load_model_from or with --key' },
  );
}
