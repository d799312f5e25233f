import { hasAttributes, isNode, type Parts } from "./entries.js";
import { unwrapName } from "./wrappers.js";

/** A tensor in a tree. */
export interface NamedTensor<Tensor> {
  /** Keys from the root and the model's name for it, joined by dots, without wrappers. */
  readonly path: string;
  /** The same as in the file. */
  readonly stored: string;
  readonly tensor: Tensor;
  readonly holder: TensorHolder;
}

/** A dict or list, or an object with its content. There is one for each. */
export interface TensorHolder {
  /** Keys from the root, joined by dots; empty for the root. */
  readonly key: string;
}

/** Modules nest about a dozen levels. Deeper values belong to no model. */
const MAX_DEPTH = 100;
/** Longest key that can be a name. Any string may be a key. */
const MAX_KEY = 1000;
/** Keys of training state, which has tensors under the model's own names. */
const TRAINING_STATE = /^(?:.*[_-])?(?:optim(?:izer)?s?\d*|optimizer[_-].*|grad(?:ient)?s?)$/i;
/** Keys in the dicts of all optimizers. */
const OPTIMIZER_KEYS = ["param_groups", "exp_avg", "exp_avg_sq", "momentum_buffer"] as const;
/** EMAs of a list of networks: `0.ema_model.x` is `x` of network 0. */
const LISTED_EMA = /(?<=^|\.)(\d+)\.(ema_model|online_model)\./;

/** Memory of one found tensor, without its name. */
const FOUND_WORDS = 16;

interface Place {
  readonly path: string;
  readonly stored: string;
  readonly depth: number;
  /** The outermost object around it; undefined in dicts and lists. */
  readonly object?: TensorHolder;
}

/**
 * All tensors of a tree except those of optimizers, in order. A dict or list that is reached twice counts once. Modules that
 * several others share have all of their names, as in `state_dict()`, as far as the budget allows.
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
    const holder = object ?? { key: stored.slice(0, -1) };
    for (const { key, value } of parts.of(node)) {
      if (key.length > MAX_KEY) continue;
      budget.spend(stored.length + key.length);
      if (kind.isTensor(value)) {
        const own = path + unwrapName(key);
        const name = list === undefined ? own : own.replace(LISTED_EMA, `$2.${list}.$1.`);
        budget.hold(FOUND_WORDS + (name.length + stored.length) / 8);
        found.push({ path: name, stored: stored + key, tensor: value, holder });
      } else if (isObject || !TRAINING_STATE.test(key)) {
        visit(value as object, {
          // The key of a dict with a whole model may look like a wrapper, but it says where the model is.
          path: path + (isObject ? unwrapName(`${key}.`) : `${key}.`),
          stored: `${stored}${key}.`,
          depth: depth + 1,
          ...(isObject && { object: holder }),
        });
      }
    }
    // A cycle of objects ends here. An object in two places is visited in both.
    if (isObject) seen.delete(node);
  };
  if (isNode(tree)) visit(tree, { path: "", stored: "", depth: 0 });
  return found;
}

function isOptimizer(node: object): boolean {
  return node instanceof Map && OPTIMIZER_KEYS.some((key) => node.has(key));
}
