// Names that frameworks put around those of a model when they save it.

/**
 * Modules that wrap a whole model or a part of it, wherever they stand in a name; no module of a model is called so.
 * DataParallel's, DistributedDataParallel's, DeepSpeed's and AveragedModel's; torch.compile's; those of FSDP, by torch,
 * fairscale and torch_xla; of checkpoint_wrapper and offload_wrapper; of Lightning Fabric; of Opacus.
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

/** What the names of a CLIP saved along with a model begin with. */
export const CLIP_PREFIX = "clip.";

/** Attributes under which a larger module holds a whole model. Stripped where every name begins with it. */
const HOLDERS = ["model.", "net.", CLIP_PREFIX] as const;

/** A tensor's name without those of modules that wrapped the model, or parts of it, when it was saved. */
export function unwrapName(name: string): string {
  return name.replace(TRANSPARENT, "");
}

/** A state dict of any model under the names that the model itself gives: without wrappers, and without a holder around all. */
export function unwrapNames<Tensor>(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  let names = [...tensors.keys()].map(unwrapName);
  const shared = () => HOLDERS.find((holder) => names.every((name) => name.startsWith(holder)));
  for (let holder = shared(); holder !== undefined && names.length > 0; holder = shared()) {
    const { length } = holder;
    names = names.map((name) => name.slice(length));
  }
  // Names that would fall together belong to another kind of file; better none of them is changed.
  if (new Set(names).size < names.length) return tensors;
  return new Map([...tensors.values()].map((tensor, i) => [names[i]!, tensor]));
}

/** The parts of a checkpoint that are models of their own. */
export interface Components<Tensor> {
  readonly model: ReadonlyMap<string, Tensor>;
  /** The CLIP that a model was trained with and saved along, as `clip.*`; names without that. Empty if none was. */
  readonly clip: ReadonlyMap<string, Tensor>;
}

/** Splits a state dict into the model and the CLIP saved along with it, without what begins as `dropped` says. */
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
