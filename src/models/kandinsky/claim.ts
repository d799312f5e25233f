import type { Checkpoint } from "../../weights/checkpoint.js";
import { claimPipeline } from "../diffusers/claim-pipeline.js";
import type { Claim, FamilyReport } from "../family.js";
import type { Opened, OpenedFolder } from "../opened.js";
import { layoutOfFolder } from "./layouts.js";

/**
 * The models in a folder of Kandinsky 2.2, or a network of it in a file. Throws `FormatError` for components of other classes.
 */
export function claim(opened: Opened): Claim | undefined {
  return opened.kind === "file" ? claimFile(opened) : claimFolder(opened);
}

/** The models in a folder. Throws as `claim`. */
export function claimFolder(folder: OpenedFolder): Claim | undefined {
  const layout = layoutOfFolder(folder);
  return layout && claimPipeline(folder, layout.pipeline);
}

/** Names of tensors that only one of its networks has, and what it is: its component in a folder, and its name in messages. */
const NETWORKS = [
  ["encoder_hid_proj.image_embeds.weight", "unet", "the U-Net of Kandinsky's decoder"],
  ["decoder.mid_block.attentions.0.spatial_norm.conv_y.weight", "movq", "the image autoencoder (MoVQ) of Kandinsky"],
] as const;

/** A network of Kandinsky 2.2 in a file of tensors. Its prior has the same names as any other of unCLIP. */
function claimFile({ tensors }: Pick<Checkpoint, "tensors">): Claim | undefined {
  const [, component, network] = NETWORKS.find(([name]) => tensors.has(name)) ?? [];
  if (component === undefined) return undefined;
  return { component, kind: undefined, words: `${network} alone: name the folder of its whole model` };
}

/** Describes a network of Kandinsky 2.2 in a file of tensors. */
export function inspect({ tensors }: Pick<Checkpoint, "tensors">): FamilyReport {
  const [, component = "unknown", network] = NETWORKS.find(([name]) => tensors.has(name)) ?? [];
  const rows = [
    ["network", network ?? "unknown"],
    ["use", "with its config and the other components: name the folder of its whole model"],
  ];
  return { component, dialect: {}, sections: [{ title: "Kandinsky 2.2", rows }], warnings: [] };
}
