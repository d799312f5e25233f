// Removes the names that frameworks add around those of a model when they save it.

/**
 * Modules that wrap a whole model or a part of it, at any place in a name. No module of a model has such a name. They come
 * from DataParallel, DistributedDataParallel, DeepSpeed and AveragedModel; torch.compile; FSDP of torch, fairscale and
 * torch_xla; checkpoint_wrapper and offload_wrapper; Lightning Fabric; Opacus.
 */
const WRAPPERS = [
  "module",
  "_orig_mod",
  "_fsdp_wrapped_module",
  "_fpw_module",
  "_checkpoint_wrapped_module",
  "_offload_wrapped_module",
  "_forward_module",
  "_original_module",
  "_module",
] as const;
const TRANSPARENT = new RegExp(`(?<=^|\\.)(?:${WRAPPERS.join("|")})\\.`, "g");

/** Prefix of a CLIP that was saved with a model. */
export const CLIP_PREFIX = "clip.";

/** Attributes of a larger module that hold a whole model. Removed if every name begins with it. */
const HOLDERS = ["model.", "net.", CLIP_PREFIX] as const;

/** A tensor's name without the names of wrappers. */
export function unwrapName(name: string): string {
  return name.replace(TRANSPARENT, "");
}

/**
 * A state dict under the names that the model itself uses: without wrappers, and without a common prefix such as `model.`.
 */
export function unwrapNames<Tensor>(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  let names = [...tensors.keys()].map(unwrapName);
  const shared = () => HOLDERS.find((holder) => names.every((name) => name.startsWith(holder)));
  for (let holder = shared(); holder !== undefined && names.length > 0; holder = shared()) {
    const { length } = holder;
    names = names.map((name) => name.slice(length));
  }
  // If names would become equal, the file is of another kind, and no name is changed.
  if (new Set(names).size < names.length) return tensors;
  return new Map([...tensors.values()].map((tensor, i) => [names[i]!, tensor]));
}

/** The parts of a checkpoint that are models of their own. */
export interface Components<Tensor> {
  readonly model: ReadonlyMap<string, Tensor>;
  /** The CLIP that was saved with the model as `clip.*`, without that prefix. Empty if there is none. */
  readonly clip: ReadonlyMap<string, Tensor>;
}

/** Splits a state dict into the model and the CLIP saved with it. Leaves out names that begin with one of `dropped`. */
export function splitComponents<Tensor>(
  tensors: ReadonlyMap<string, Tensor>,
  dropped: readonly string[],
): Components<Tensor> {
  const entries = [...tensors].filter(([name]) => !dropped.some((beginning) => name.startsWith(beginning)));
  const isClip = ([name]: readonly [string, Tensor]): boolean => name.startsWith(CLIP_PREFIX);
  return {
    model: new Map(entries.filter((entry) => !isClip(entry))),
    clip: unwrapNames(new Map(entries.filter(isClip))),
  };
}
