import { TensorScope, type Header } from "../../../weights/formats/tensor-scope.js";
import type { Anchor } from "../../../weights/tree/model-names.js";
import { isClipName } from "../../clip/names.js";

/** The model in a state dict: a whole decoder or prior, the network of one, or a CLIP. */
export type Component = "decoder" | "unet" | "prior" | "priorNetwork" | "clip";

/** A U-Net in a state dict. */
export interface UnetPart {
  readonly tensors: TensorScope;
  /** Its place in the cascade, from 0; undefined for a U-Net by itself. */
  readonly index: number | undefined;
}

/**
 * Modules that every U-Net and every network of a prior has, in all versions since 0.5.0, even if a tensor is missing.
 * Indices have two digits at most, so that one name cannot make a list of billions.
 */
const UNET = /^(?:unets\.(\d{1,2})\.)?(?:to_time_hiddens|mid_block1)\./;
const PRIOR_NETWORK = /^(net\.)?causal_transformer\./;
/** The same after any other names. The shortest prefix counts. */
const UNET_WITHIN = within(/(unets\.\d+\.)?(?:to_time_hiddens|mid_block1)\./);
const PRIOR_WITHIN = within(/(net\.)?causal_transformer\./);

function within(names: RegExp): RegExp {
  return new RegExp(`^(|.*?\\.)${names.source}`, "s");
}

/** The prior, decoder or network that a tensor with this name belongs to, if the name tells. */
export function anchorOf(name: string): Anchor | undefined {
  const unet = UNET_WITHIN.exec(name);
  if (unet) return { prefix: unet[1]!, component: unet[2] === undefined ? "unet" : "decoder" };
  const prior = PRIOR_WITHIN.exec(name);
  return prior ? { prefix: prior[1]!, component: prior[2] === undefined ? "priorNetwork" : "prior" } : undefined;
}

/** The U-Nets of a decoder, or a single U-Net, in the order of the cascade. A decoder may lack some. */
export function unetParts(header: Header): readonly UnetPart[] {
  const indices = new Set<string | undefined>();
  for (const name of header.keys()) {
    const match = UNET.exec(name);
    if (match) indices.add(match[1]);
  }
  const parts = [...indices].map((index): UnetPart => {
    if (index === undefined) return { tensors: new TensorScope(header), index: undefined };
    return { tensors: new TensorScope(header, `unets.${index}.`), index: Number(index) };
  });
  return parts.sort((a, b) => (a.index ?? 0) - (b.index ?? 0));
}

/** The network of a prior; undefined if there is none. */
export function priorNetworkPart(header: Header): TensorScope | undefined {
  for (const name of header.keys()) {
    const match = PRIOR_NETWORK.exec(name);
    if (match) return new TensorScope(header, match[1]);
  }
  return undefined;
}

/** The component of a state dict, by its names; undefined for anything else. */
export function componentOf(header: Header): Component | undefined {
  const [unet] = unetParts(header);
  if (unet) return unet.index === undefined ? "unet" : "decoder";
  const network = priorNetworkPart(header);
  if (network) return network.prefix === "" ? "priorNetwork" : "prior";
  return [...header.keys()].some(isClipName) ? "clip" : undefined;
}
