import type { Checkpoint } from "../../weights/checkpoint.js";
import { CLASSES, claimPipeline, type PipelineLayout } from "../diffusers/claim-pipeline.js";
import type { Claim, FamilyReport } from "../family.js";
import type { Opened, OpenedFolder } from "../opened.js";

/** The pipelines of diffusers that this family runs. */
const PIPELINES: readonly unknown[] = ["UnCLIPPipeline", "UnCLIPImageVariationPipeline"];

const LAYOUT: PipelineLayout = {
  name: "Karlo",
  component: "karlo",
  classes: {
    prior: CLASSES.prior,
    prior_scheduler: CLASSES.unclipScheduler,
    text_encoder: CLASSES.textEncoder,
    tokenizer: CLASSES.tokenizer,
    image_encoder: CLASSES.imageEncoder,
    feature_extractor: CLASSES.imageProcessor,
    text_proj: ["UnCLIPTextProjModel"],
    decoder: CLASSES.unet,
    decoder_scheduler: CLASSES.unclipScheduler,
    super_res_first: ["UNet2DModel"],
    super_res_last: ["UNet2DModel"],
    super_res_scheduler: CLASSES.unclipScheduler,
  },
  needed: {
    prior: ["prior", "prior_scheduler"],
    decoder: ["text_proj", "decoder", "decoder_scheduler", "super_res_first", "super_res_last", "super_res_scheduler"],
    clip: ["tokenizer", "text_encoder"],
  },
  optional: { clip: ["image_encoder", "feature_extractor"] },
};

/** The models in a folder of Karlo, or a network of it in a file. Throws `FormatError` for components of other classes. */
export function claim(opened: Opened): Claim | undefined {
  return opened.kind === "file" ? claimFile(opened) : claimFolder(opened);
}

/** The models in a folder. Throws as `claim`. */
export function claimFolder(folder: OpenedFolder): Claim | undefined {
  return PIPELINES.includes(folder.index._class_name) ? claimPipeline(folder, LAYOUT) : undefined;
}

/** Names of tensors that only one of its networks has, and what it is: its component in a folder, and its name in messages. */
const NETWORKS = [
  ["prd_embedding", "prior", "the network of an unCLIP prior"],
  ["learned_classifier_free_guidance_embeddings", "text_proj", "the text projection of Karlo's decoder"],
  ["mid_block.attentions.0.add_k_proj.weight", "decoder", "the U-Net of Karlo's decoder"],
] as const;

/** A network of Karlo in a file of tensors. */
function claimFile({ tensors }: Pick<Checkpoint, "tensors">): Claim | undefined {
  const [, component, network] = NETWORKS.find(([name]) => tensors.has(name)) ?? [];
  if (component === undefined) return undefined;
  return { component, kind: undefined, words: `${network} alone: name the folder of its whole model` };
}

/** Describes a network of Karlo in a file of tensors. */
export function inspect({ tensors }: Pick<Checkpoint, "tensors">): FamilyReport {
  const [, component = "unknown", network] = NETWORKS.find(([name]) => tensors.has(name)) ?? [];
  const rows = [
    ["network", network ?? "unknown"],
    ["use", "with its config and the other components: name the folder of its whole model"],
  ];
  return { component, dialect: {}, sections: [{ title: "Karlo", rows }], warnings: [] };
}
