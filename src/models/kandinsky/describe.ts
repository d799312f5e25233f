// What the models in a folder of Kandinsky 2.2 can do, for people.
import { kindsOf } from "../diffusers/claimed-components.js";
import { componentsOf } from "../diffusers/components.js";
import { settingsText } from "../diffusers/describe-settings.js";
import { readPrior } from "../diffusers/prior/load-prior.js";
import type { Checkpoint } from "../../weights/checkpoint.js";
import type { FamilyReport, ReportSection } from "../family.js";
import type { OpenedFolder } from "../opened.js";
import { claimFolder, NETWORKS } from "./claim.js";
import { latentScale } from "../diffusers/autoencoder/options.js";
import type { BesideLatents } from "./config/unet-config.js";
import type { DecoderStageOptions } from "./decoder/decoder-stage.js";
import { DEFAULT_LATENT_SIDE, sizeUnit } from "./decoder/sizes.js";
import { DECODER_DEFAULTS, PRIOR_DEFAULTS } from "./defaults.js";
import { layoutOfFolder } from "./layouts.js";
import { readDecoder } from "./load-decoder.js";
import { priorOf } from "./prior-of.js";

/** Describes a folder from its configs: what its models generate, and by which settings if a call gives none. */
export async function describeFolder(folder: OpenedFolder): Promise<readonly ReportSection[]> {
  const claim = claimFolder(folder);
  const kinds = claim ? kindsOf(claim) : [];
  const layout = layoutOfFolder(folder);
  const prior = layout?.prior && kinds.includes("prior") ? await readPrior(folder, layout.prior) : undefined;
  const decoder = layout?.decoder && kinds.includes("decoder") ? await readDecoder(folder, layout.decoder) : undefined;
  const rows: (readonly [string, string])[] = [];
  if (decoder) rows.push(["images", imagesOf(decoder)]);
  if (prior) rows.push(["image embeddings", `${prior.network.embedDim} values`]);
  const uses = [...usesOf(folder, kinds), ...(decoder ? [USES[decoder.unet.beside]] : [])];
  rows.push(["generates", uses.join(", ") || "nothing by itself"]);
  if (prior) rows.push(["prior", settingsText(PRIOR_DEFAULTS)]);
  else if (decoder) rows.push(["prior", placeText(await priorOf(folder))]);
  if (decoder) rows.push(["decoder", settingsText(DECODER_DEFAULTS)]);
  return [{ title: "Kandinsky 2.2", rows }];
}

/** Where the prior of a decoder alone is. */
function placeText(id: string | undefined): string {
  return `in a folder of its own: ${id === undefined ? "beside this one, or named for it" : `beside this one, or ${id}`}`;
}

/** What a decoder is for, by what its U-Net reads beside the latents. */
const USES: Readonly<Record<BesideLatents, string>> = {
  nothing: "images of image embeddings",
  kept: "parts of images (inpainting)",
  hint: "images that follow a hint, such as a map of depths",
};

/** The sizes of images. */
function imagesOf({ unet, movq }: DecoderStageOptions): string {
  const scale = latentScale(movq);
  const side = (unet.sampleSize ?? DEFAULT_LATENT_SIDE) * scale;
  return `${side} × ${side} pixels, and other multiples of ${sizeUnit(unet, scale)}`;
}

/** What the models can be used for. */
function usesOf(folder: OpenedFolder, kinds: readonly string[]): readonly string[] {
  const has = (...needed: readonly string[]): boolean => needed.every((kind) => kinds.includes(kind));
  const encoders = layoutOfFolder(folder)?.encoders;
  const found = componentsOf(folder);
  const hasImageEncoder = encoders !== undefined && found.has(encoders.image) && found.has(encoders.processor);
  const uses = [
    has("prior", "clip") ? "image embeddings of texts" : undefined,
    has("clip") && hasImageEncoder ? "image embeddings of images" : undefined,
  ];
  return uses.filter((use) => use !== undefined);
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
