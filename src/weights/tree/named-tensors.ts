import { hasAttributes, isNode, type Parts } from "./entries.js";
import { unwrapName } from "./wrappers.js";

/** A tensor somewhere in a tree. */
export interface NamedTensor<Tensor> {
  /** Keys from the root on and the name that the model gives, with dots between; without the names of wrappers. */
  readonly path: string;
  /** The same as it stands in the file. */
  readonly stored: string;
  readonly tensor: Tensor;
  readonly home: Home;
}

/** A dict or a list, or an object and what it consists of; of each there is one. */
export interface Home {
  /** Keys from the root on, with dots between; empty for the root. */
  readonly key: string;
}

/** Modules nest a dozen levels; deeper values are no model's. */
const MAX_DEPTH = 100;
/** Longest key that is a name; texts may be keys too. */
const MAX_KEY = 1000;
/** Keys of what is trained with, which has tensors under the model's own names. */
const TRAINING_STATE = /^(?:.*[_-])?(?:optim(?:izer)?s?\d*|optimizer[_-].*|grad(?:ient)?s?)$/i;
/** Keys in dicts of optimizers, of any. */
const OPTIMIZER_KEYS = ["param_groups", "exp_avg", "exp_avg_sq", "momentum_buffer"] as const;
/** The EMAs of a list of networks, a list themselves: `0.ema_model.x` is network 0's `x`. */
const LISTED_EMA = /(?<=^|\.)(\d+)\.(ema_model|online_model)\./;

/** Memory of one tensor that was found, without its name. */
const FOUND_WORDS = 16;

interface Place {
  readonly path: string;
  readonly stored: string;
  readonly depth: number;
  /** The outermost object around, undefined in dicts and lists. */
  readonly object?: Home;
}

/**
 * All tensors of a tree but those of optimizers, in order. Dicts and lists that are reached twice count once; modules
 * that several others share have all of their names, as in `state_dict()`, as far as the budget allows.
 */
export function namedTensors<Tensor>(tree: unknown, parts: Parts<Tensor>): NamedTensor<Tensor>[] {
  const { kind, budget, names } = parts;
  const { averagedList: list } = names;
  const found: NamedTensor<Tensor>[] = [];
  const seen = new Set<object>();
  const visit = (node: object, place: Place): void => {
    const { path, stored, depth, object } = place;
    if (seen.has(node) || depth > MAX_DEPTH || isOptimizer(node)) return;
    seen.add(node);
    const isObject = hasAttributes(node);
    const home = object ?? { key: stored.slice(0, -1) };
    for (const { key, value } of parts.of(node)) {
      if (key.length > MAX_KEY) continue;
      budget.spend(stored.length + key.length);
      if (kind.isTensor(value)) {
        const own = path + unwrapName(key);
        const name = list === undefined ? own : own.replace(LISTED_EMA, `$2.${list}.$1.`);
        budget.hold(FOUND_WORDS + (name.length + stored.length) / 8);
        found.push({ path: name, stored: stored + key, tensor: value, home });
      } else if (isObject || !TRAINING_STATE.test(key)) {
        visit(value as object, {
          // The key of a dict that holds a whole model may be that of a wrapper, and says where the model is.
          path: path + (isObject ? unwrapName(`${key}.`) : `${key}.`),
          stored: `${stored}${key}.`,
          depth: depth + 1,
          ...(isObject && { object: home }),
        });
      }
    }
    // A cycle of objects ends; an object in two places is visited in both.
    if (isObject) seen.delete(node);
  };
  if (isNode(tree)) visit(tree, { path: "", stored: "", depth: 0 });
  return found;
}

function isOptimizer(node: object): boolean {
  return node instanceof Map && OPTIMIZER_KEYS.some((key) => node.has(key));
}
