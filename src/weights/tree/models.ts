// Finds the models in a checkpoint by the names and places of their tensors.
import type { TensorKind } from "./entries.js";
import type { ModelNames } from "./model-names.js";
import type { TensorHolder, NamedTensor } from "./named-tensors.js";

/** Trained weights, their average, or the copy of the trained weights that an EMA keeps. */
export type WeightsOrigin = "trained" | "average" | "copy";

/** A model in a tree. */
export interface FoundModel {
  readonly component: string;
  /** The prefix of its tensors' paths: empty, or ends with a dot. */
  readonly prefix: string;
  readonly origin: WeightsOrigin;
  /** The dicts and objects with the tensors that identified it. */
  readonly holders: ReadonlySet<TensorHolder>;
}

/** All models in a tree, in the order of their tensors. */
export function findModels(named: readonly NamedTensor<unknown>[], { anchorOf }: ModelNames): readonly FoundModel[] {
  const models = new Map<string, FoundModel & { readonly holders: Set<TensorHolder> }>();
  for (const { path, holder } of named) {
    const anchor = anchorOf(path);
    if (!anchor) continue;
    const key = `${anchor.component} ${anchor.prefix}`;
    const known = models.get(key);
    if (known) known.holders.add(holder);
    else models.set(key, { ...anchor, origin: originOf(anchor.prefix), holders: new Set([holder]) });
  }
  return [...models.values()].filter((model) => !isPartOfClip(model, models));
}

/** True for the text encoder of a CLIP, whose names may look like those of a whole CLIP. */
function isPartOfClip({ component, prefix, holders }: FoundModel, models: ReadonlyMap<string, FoundModel>): boolean {
  if (component !== "clip" || prefix === "") return false;
  const around = models.get(`clip ${prefix.slice(0, prefix.lastIndexOf(".", prefix.length - 2) + 1)}`);
  const [holder] = holders;
  return around?.holders.has(holder!) === true;
}

const ONLINE = /(?:^|\.)online_model\.$/;
const AVERAGE = /(?:^|[._-])(?:ema|averaged?|avg|swa|shadow)(?:[._-]|\d|$)/i;

function originOf(prefix: string): WeightsOrigin {
  if (ONLINE.test(prefix)) return "copy";
  return AVERAGE.test(prefix) ? "average" : "trained";
}

/** Two tensors that would get the same name. The names are those in the file. */
export interface Collision {
  readonly name: string;
  readonly stored: readonly [string, string];
}

/**
 * A model's tensors under its own names, without other tensors beside them. If two different tensors would get the same
 * name, the first counts and `onCollision` is called.
 */
export function tensorsOf<Tensor>(
  { component, prefix, holders }: FoundModel,
  named: readonly NamedTensor<Tensor>[],
  { isSame }: TensorKind<Tensor>,
  names: ModelNames,
  onCollision: (collision: Collision) => void,
): ReadonlyMap<string, Tensor> {
  const found = new Map<string, NamedTensor<Tensor>>();
  const { isSpread = false, isOwn } = names.components.get(component) ?? {};
  for (const one of named) {
    if (!one.path.startsWith(prefix) || !(isSpread || holders.has(one.holder))) continue;
    const name = one.path.slice(prefix.length);
    if (isOwn && !isOwn(name)) continue;
    const other = found.get(name);
    if (!other) found.set(name, one);
    else if (!isSame(other.tensor, one.tensor)) onCollision({ name, stored: [other.stored, one.stored] });
  }
  return new Map([...found].map(([name, { tensor }]) => [name, tensor]));
}

/** True if two models have the same tensors of the file under the same names. */
export function areSame<Tensor>(
  one: ReadonlyMap<string, Tensor>,
  other: ReadonlyMap<string, Tensor>,
  { isSame }: TensorKind<Tensor>,
): boolean {
  if (one.size !== other.size) return false;
  for (const [name, tensor] of one) {
    const same = other.get(name);
    if (same === undefined || !isSame(same, tensor)) return false;
  }
  return true;
}
