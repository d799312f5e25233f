import type { Checkpoint } from "../../weights/checkpoint.js";
import { claimPipeline } from "../diffusers/claim-pipeline.js";
import type { Claim } from "../family.js";
import type { Opened, OpenedFolder } from "../opened.js";
import { layoutOfFolder } from "./layouts.js";

/**
 * The models in a folder of Stable unCLIP, or a network of it in a file. Throws `FormatError` for components of other classes.
 */
export function claim(opened: Opened): Claim | undefined {
  return opened.kind === "file" ? claimFile(opened) : claimFolder(opened);
}

/** The models in a folder. Throws as `claim`. */
export function claimFolder(folder: OpenedFolder): Claim | undefined {
  const layout = layoutOfFolder(folder);
  return layout && claimPipeline(folder, layout);
}

/** A network that names of tensors tell. */
interface Network {
  /** Names of tensors that no network of another family has together. */
  readonly tensors: readonly string[];
  /** Its component in a folder. */
  readonly component: string;
  /** Its name in messages. */
  readonly words: string;
}

const NETWORKS: readonly Network[] = [
  {
    tensors: ["class_embedding.linear_1.weight", "down_blocks.0.attentions.0.transformer_blocks.0.attn2.to_k.weight"],
    component: "unet",
    words: "the U-Net of Stable unCLIP's decoder",
  },
  {
    tensors: ["decoder.mid_block.attentions.0.group_norm.weight", "post_quant_conv.weight"],
    component: "vae",
    words: "the image autoencoder (AutoencoderKL) of a latent diffusion model",
  },
];

/** The network of Stable unCLIP in a file; undefined if there is none. Its encoders and its prior are like those of others. */
export function networkIn({ tensors }: Pick<Checkpoint, "tensors">): Network | undefined {
  return NETWORKS.find((network) => network.tensors.every((name) => tensors.has(name)));
}

function claimFile(checkpoint: Pick<Checkpoint, "tensors">): Claim | undefined {
  const { component, words } = networkIn(checkpoint) ?? {};
  if (component === undefined) return undefined;
  return { component, kind: undefined, words: `${words} alone: name the folder of its whole model` };
}
