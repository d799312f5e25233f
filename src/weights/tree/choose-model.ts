// Which of the models in a checkpoint is meant.
import { counted } from "../../platform/counted.js";
import { FormatError } from "../errors.js";
import { areSame, findModels, tensorsOf, type FoundModel, type Origin } from "./models.js";
import type { Parts } from "./entries.js";
import type { ModelKind, ModelNames } from "./model-names.js";
import type { Home, NamedTensor } from "./named-tensors.js";
import { excerpt } from "../../platform/printable.js";

/** The weights as trained ("online"), or their exponential moving average, which trainers keep beside them. */
export type WeightsChoice = "online" | "ema";

/** What is asked for. */
export interface Wanted {
  readonly weights?: WeightsChoice | undefined;
  /** Where a file holds models of several kinds. */
  readonly model?: ModelKind | undefined;
  /** The key that led to the tree, for messages; empty for the outermost. */
  readonly key: string;
  /** The file, for messages. */
  readonly source: string;
}

/** A model's weights among others. */
export interface ChosenModel<Tensor> {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly weights: WeightsChoice;
  readonly available: readonly WeightsChoice[];
  /** What the paths of its tensors begin with, less the last dot. */
  readonly key: string;
  readonly origin: Origin;
  readonly homes: FoundModel["homes"];
}

/**
 * Where weights are looked for first: under `model`, as upstream's loader does, which in a tracker's save is the average
 * already; as open_clip and Lightning save them; at the root. DiffusionPriorTrainer keeps averages since 0.10.0 as
 * `ema_model`, and inside of `ema`.
 */
const PLACES: Readonly<Record<Origin, readonly RegExp[]>> = {
  trained: [/^model\./, /^state_dict\./, /^$/],
  average: [/^ema_model\./, /^ema\./],
  copy: [],
};
const ORIGINS: readonly Origin[] = ["trained", "average", "copy"];

/**
 * The model that is meant among those of a tree; undefined where no name tells of one. Averages of parts of a model (the
 * U-Nets of a decoder) are laid over the rest. Throws FormatError where several are meant equally, where its weights are
 * not of the wanted kind, and where two of its tensors have one name.
 */
export function chooseModel<Tensor>(
  named: readonly NamedTensor<Tensor>[],
  { kind, names }: Pick<Parts<Tensor>, "kind" | "names">,
  wanted: Wanted,
): ChosenModel<Tensor> | undefined {
  const all = findModels(named, names);
  const models = inOrder(ofKind(wanted.model === "clip" ? all : withoutAlong(all, named), wanted.model, names));
  if (models.length === 0) return undefined;
  const available = [...new Set(models.map(weightsOf))];
  const fitting = models.filter((model) => wanted.weights === undefined || weightsOf(model) === wanted.weights);
  if (fitting.length === 0) throw new FormatError(wanted.source, describeOthers(available));
  const model = onlyOne(fitting, named, { kind, names }, wanted);
  const read = (one: FoundModel) =>
    tensorsOf(one, named, kind, names, ({ name, stored: [first, second] }) => {
      throw new FormatError(
        wanted.source,
        `it has two tensors for ${excerpt(name)} of the model, ${excerpt(first)} and ${excerpt(second)}`,
        { advice: "keep one of them" },
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
    homes: model.homes,
  };
}

/** Why there are no weights of the wanted kind. */
export function describeOthers(available: readonly WeightsChoice[]): string {
  return `it holds only ${available.join()} weights, others were asked for; leave the choice to the file (a tracker's save holds the average as its model)`;
}

/** The models without CLIPs that are called so in a dict with other tensors: each is another model's. */
function withoutAlong(models: readonly FoundModel[], named: readonly NamedTensor<unknown>[]): readonly FoundModel[] {
  const isClip = ({ component, prefix }: FoundModel) => component === "clip" && /(?:^|\.)clip\.$/.test(prefix);
  const along = new Set(models.filter(isClip));
  if (along.size === 0) return models;
  // What all paths of a home begin with.
  const beginnings = new Map<Home, string>();
  for (const { path, home } of named) {
    let shared = beginnings.get(home) ?? path;
    while (!path.startsWith(shared)) shared = shared.slice(0, shared.lastIndexOf(".", shared.length - 2) + 1);
    beginnings.set(home, shared);
  }
  const isAlone = ({ prefix, homes }: FoundModel) =>
    [...homes].every((home) => beginnings.get(home)!.startsWith(prefix));
  return models.filter((model) => !along.has(model) || isAlone(model));
}

function weightsOf({ origin }: FoundModel): WeightsChoice {
  return origin === "average" ? "ema" : "online";
}

/** Models of the wanted kind, or of any where there is none; of these, the most complete. */
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

/** The less, the sooner it is taken. */
function preference({ origin, prefix }: FoundModel): number {
  const place = PLACES[origin].findIndex((pattern) => pattern.test(prefix));
  return 10 * ORIGINS.indexOf(origin) + (place < 0 ? PLACES[origin].length : place);
}

/** How many models a message lists, and how many are compared. */
const MAX_LISTED = 12;

/** The first of the models, unless others are meant as much as it. */
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
    `it holds several models, and nothing tells which is meant: ${[...listed, ...more].join("; ")}.`,
    { advice: 'choose one by its key, as "state_dict_key" beside load_model_from or with --key' },
  );
}
