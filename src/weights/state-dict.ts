import { unwrapNames } from "./dialect/component-names.js";
import { OpaqueObject } from "./formats/pickle-values.js";

/** The weights as trained ("online"), or their exponential moving average, which trainers keep beside them. */
export type WeightsChoice = "online" | "ema";

/** How the saver laid out its file. */
export type Container = "bare state dict" | "EMA state dict" | "module" | "trainer save" | "tracker save" | "dict";

/** A model's tensors in a checkpoint's tree. */
export interface ModelWeights<Tensor> {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly weights: WeightsChoice;
  /** What could have been chosen. */
  readonly available: readonly WeightsChoice[];
  readonly container: Container;
}

/** A dict that holds weights: under a key of the outermost one, or that one itself. */
interface Place {
  readonly key?: string;
  /** Which weights it holds, unless its names say that it is an EMA's. */
  readonly weights: WeightsChoice;
}

/**
 * Where weights are. The first place that is there gives the default: of a trainer's save `model`, as upstream's loader
 * takes it, which in a tracker's save is the average already.
 */
const PLACES: readonly Place[] = [
  // DALLE2-pytorch's trainers and trackers.
  { key: "model", weights: "online" },
  // open_clip, PyTorch Lightning.
  { key: "state_dict", weights: "online" },
  // DiffusionPriorTrainer since 0.10.0: the average without its wrapper.
  { key: "ema_model", weights: "ema" },
  { key: "ema", weights: "ema" },
  { weights: "online" },
];

/** Names in the state dict of an EMA, which wraps a prior, and of a decoder's list of EMAs, one for each U-Net. */
const EMA_NAMES: readonly { readonly weights: WeightsChoice; readonly prefix: RegExp; readonly becomes: string }[] = [
  { weights: "ema", prefix: /^ema_model\./, becomes: "" },
  { weights: "ema", prefix: /^(\d+)\.ema_model\./, becomes: "unets.$1." },
  { weights: "online", prefix: /^online_model\./, becomes: "" },
  { weights: "online", prefix: /^(\d+)\.online_model\./, becomes: "unets.$1." },
];

/** What the keys beside a state dict say of its saver; the first that fits. */
const CONTAINERS: readonly (readonly [key: RegExp, Container])[] = [
  [/^(optimizer|optim\d+|scaler\d*|ema)$/, "trainer save"],
  [/^version$/, "tracker save"],
];

type IsTensor<Tensor> = (value: unknown) => value is Tensor;

interface Found<Tensor> {
  readonly weights: WeightsChoice;
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly container: Container;
}

/**
 * Finds the weights of a model in what a checkpoint holds: a bare state dict, one in a container, an EMA, or a TorchScript
 * module. An average of parts of the model (the U-Nets of a decoder) is laid over the rest. Optimizer state is never
 * taken for weights. Gives undefined where there are none, or none of the wanted kind.
 */
export function findWeights<Tensor>(
  tree: unknown,
  isTensor: IsTensor<Tensor>,
  wanted?: WeightsChoice,
): ModelWeights<Tensor> | undefined {
  const found = PLACES.flatMap((place) => weightsAt(place, tree, isTensor));
  const chosen = found.find(({ weights }) => wanted === undefined || weights === wanted);
  if (!chosen) return undefined;
  const online = found.find(({ weights }) => weights === "online");
  const tensors = chosen.weights === "ema" && online ? new Map([...online.tensors, ...chosen.tensors]) : chosen.tensors;
  return { ...chosen, tensors, available: [...new Set(found.map(({ weights }) => weights))] };
}

function weightsAt<Tensor>({ key, weights }: Place, tree: unknown, isTensor: IsTensor<Tensor>): Found<Tensor>[] {
  const outer = tree instanceof Map ? (tree as ReadonlyMap<unknown, unknown>) : new Map<unknown, unknown>();
  const value = key === undefined ? tree : outer.get(key);
  const dict = value instanceof OpaqueObject ? moduleTensors(value, isTensor) : value;
  if (!(dict instanceof Map)) return [];
  const tensors = namedTensors(dict, isTensor);
  // A stray tensor among other things is no state dict.
  if (tensors.size === 0 || (key === undefined && tensors.size < dict.size)) return [];
  const averages = EMA_NAMES.flatMap((names) => renamed(tensors, names));
  if (averages.length > 0) {
    const container = key === undefined ? "EMA state dict" : containerOf(outer);
    return averages.map((average) => ({ ...average, container }));
  }
  const alone = value instanceof OpaqueObject ? "module" : "bare state dict";
  return [{ weights, tensors: unwrapNames(tensors), container: key === undefined ? alone : containerOf(outer) }];
}

function renamed<Tensor>(
  tensors: ReadonlyMap<string, Tensor>,
  { weights, prefix, becomes }: (typeof EMA_NAMES)[number],
): Omit<Found<Tensor>, "container">[] {
  const own = [...tensors].filter(([name]) => prefix.test(name));
  if (own.length === 0) return [];
  const names = new Map(own.map(([name, tensor]) => [name.replace(prefix, becomes), tensor]));
  return [{ weights, tensors: unwrapNames(names) }];
}

function containerOf(outer: ReadonlyMap<unknown, unknown>): Container {
  const keys = [...outer.keys()].filter((key) => typeof key === "string");
  return CONTAINERS.find(([pattern]) => keys.some((key) => pattern.test(key)))?.[1] ?? "dict";
}

function namedTensors<Tensor>(dict: ReadonlyMap<unknown, unknown>, isTensor: IsTensor<Tensor>): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  for (const [name, value] of dict) if (typeof name === "string" && isTensor(value)) tensors.set(name, value);
  return tensors;
}

/** Longest name of a tensor that is looked for within modules; torch gives names of some hundred characters. */
const MAX_NAME = 2000;

/** A TorchScript module's parameters and buffers under the names that its state_dict gives them. */
function moduleTensors<Tensor>(module: OpaqueObject, isTensor: IsTensor<Tensor>): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>();
  // A module reached twice keeps its first name: a graph of shared modules must not unfold into all its paths.
  const seen = new Set<OpaqueObject>();
  // By a stack of our own, in the order of a recursive walk: nothing says how deep modules nest.
  const walks: { readonly prefix: string; readonly rest: Iterator<readonly [unknown, unknown]> }[] = [];
  const enter = (object: OpaqueObject, prefix: string): void => {
    if (seen.has(object) || prefix.length > MAX_NAME || !(object.state instanceof Map)) return;
    seen.add(object);
    walks.push({ prefix, rest: (object.state as ReadonlyMap<unknown, unknown>).entries() });
  };
  enter(module, "");
  for (let walk = walks.at(-1); walk; walk = walks.at(-1)) {
    const next = walk.rest.next();
    if (next.done) {
      walks.pop();
      continue;
    }
    const [key, value] = next.value;
    if (typeof key !== "string" || key.length > MAX_NAME) continue;
    if (isTensor(value)) tensors.set(walk.prefix + key, value);
    else if (value instanceof OpaqueObject) enter(value, `${walk.prefix}${key}.`);
  }
  return tensors;
}
