/** Modules that wrap a whole model or a part of it, wherever they stand in a name: DataParallel's, and torch.compile's. */
const TRANSPARENT = /(?<=^|\.)(?:module|_orig_mod)\./g;

/**
 * Attributes under which a larger module holds a whole model: Lightning's `model`, a prior's `net`, an adapter's `clip`.
 * Stripped where every name begins with it.
 */
const HOLDERS = ["model.", "net.", "clip."] as const;

/** What the names of a CLIP saved along with a model begin with. */
export const CLIP_PREFIX = "clip.";
/** Autoencoders of latent diffusion, which DALLE2-pytorch's decoder has room for; none was ever published. */
const DROPPED = "vaes.";

/** A state dict under the names that the model itself gives, without those of modules that wrapped it when it was saved. */
export function unwrapNames<Tensor>(tensors: ReadonlyMap<string, Tensor>): ReadonlyMap<string, Tensor> {
  let names = [...tensors.keys()].map((name) => name.replace(TRANSPARENT, ""));
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
  /** The CLIP that a prior or a decoder was trained with and saved along, as `clip.*`; names without that. Empty if none was. */
  readonly clip: ReadonlyMap<string, Tensor>;
}

/** Splits a state dict into the model and what was saved along with it. */
export function splitComponents<Tensor>(tensors: ReadonlyMap<string, Tensor>): Components<Tensor> {
  const entries = [...tensors].filter(([name]) => !name.startsWith(DROPPED));
  const isClip = ([name]: readonly [string, Tensor]): boolean => name.startsWith(CLIP_PREFIX);
  return {
    model: new Map(entries.filter((entry) => !isClip(entry))),
    clip: unwrapNames(new Map(entries.filter(isClip))),
  };
}
