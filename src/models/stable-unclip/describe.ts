// What the models in a folder of Stable unCLIP can do, for people.
import { kindsOf } from "../diffusers/claimed-components.js";
import { componentsOf } from "../diffusers/components.js";
import { settingsText } from "../diffusers/describe-settings.js";
import { readPrior } from "../diffusers/prior/load-prior.js";
import type { Checkpoint } from "../../weights/checkpoint.js";
import { latentScale } from "../diffusers/autoencoder/options.js";
import type { FamilyReport, ReportSection } from "../family.js";
import type { OpenedFolder } from "../opened.js";
import { claimFolder, networkIn } from "./claim.js";
import { DEFAULT_LATENT_SIDE } from "./decoder/decoder-stage.js";
import { DECODER_DEFAULTS, PRIOR_DEFAULTS } from "./defaults.js";
import { ENCODERS, FAMILY, PRIOR } from "./layouts.js";
import { readDecoder, type ReadDecoder } from "./load-decoder.js";

/** Describes a folder from its configs: what its models generate, and by which settings if a call gives none. */
export async function describeFolder(folder: OpenedFolder): Promise<readonly ReportSection[]> {
  const claim = claimFolder(folder);
  const kinds = claim ? kindsOf(claim) : [];
  const prior = kinds.includes("prior") ? await readPrior(folder, PRIOR) : undefined;
  const decoder = kinds.includes("decoder") ? await readDecoder(folder) : undefined;
  const rows: (readonly [string, string])[] = [];
  if (decoder) rows.push(["images", imagesOf(decoder)]);
  const width = prior?.network.embedDim ?? decoder?.unet.imageEmbedDim;
  if (width !== undefined) rows.push(["image embeddings", `${width} values`]);
  rows.push(["generates", usesOf(folder, kinds).join(", ") || "nothing by itself"]);
  if (prior) rows.push(["prior", settingsText(PRIOR_DEFAULTS)]);
  if (decoder) {
    const levels = `levels 0 to ${decoder.noising.timesteps - 1}, 0 by default`;
    rows.push(["decoder", settingsText(DECODER_DEFAULTS)], ["noise on image embeddings", levels]);
  }
  return [{ title: FAMILY, rows }];
}

/** The sizes of images. */
function imagesOf({ unet, vae }: ReadDecoder): string {
  const scale = latentScale(vae);
  const side = (unet.sampleSize ?? DEFAULT_LATENT_SIDE) * scale;
  return `${side} × ${side} pixels, and other multiples of ${scale}`;
}

/** What the models can be used for. */
function usesOf(folder: OpenedFolder, kinds: readonly string[]): readonly string[] {
  const has = (...needed: readonly string[]): boolean => needed.every((kind) => kinds.includes(kind));
  const found = componentsOf(folder);
  const hasImageEncoder = has("clip") && found.has(ENCODERS.image) && found.has(ENCODERS.processor);
  const uses = [
    has("prior", "decoder", "clip") ? "images of texts" : undefined,
    has("decoder") && hasImageEncoder ? "variations of images" : undefined,
    has("decoder") ? "images of image embeddings" : undefined,
  ];
  return uses.filter((use) => use !== undefined);
}

/** Describes a network of Stable unCLIP in a file of tensors. */
export function inspect(checkpoint: Pick<Checkpoint, "tensors">): FamilyReport {
  const { component = "unknown", words = "unknown" } = networkIn(checkpoint) ?? {};
  const rows = [
    ["network", words],
    ["use", "with its config and the other components: name the folder of its whole model"],
  ];
  return { component, dialect: {}, sections: [{ title: FAMILY, rows }], warnings: [] };
}
