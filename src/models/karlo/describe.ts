// What the models in a folder of Karlo can do, for people.
import { kindsOf } from "../diffusers/claimed-components.js";
import { componentsOf } from "../diffusers/components.js";
import { settingsText } from "../diffusers/describe-settings.js";
import type { ReportSection } from "../family.js";
import type { OpenedFolder } from "../opened.js";
import { claimFolder } from "./claim.js";
import { DECODER_DEFAULTS, PRIOR_DEFAULTS, SUPER_RESOLUTION_DEFAULTS } from "./defaults.js";
import { PRIOR } from "./components.js";
import { readPrior } from "../diffusers/prior/load-prior.js";
import { readCascade } from "./read-options.js";

/** Describes a folder of Karlo from its configs: what its models generate, and by which settings if a call gives none. */
export async function describeFolder(folder: OpenedFolder): Promise<readonly ReportSection[]> {
  const claim = claimFolder(folder);
  const kinds = claim ? kindsOf(claim) : [];
  const prior = kinds.includes("prior") ? await readPrior(folder, PRIOR) : undefined;
  const cascade = kinds.includes("decoder") ? await readCascade(folder) : undefined;
  const rows: (readonly [string, string])[] = [];
  if (cascade) {
    const { decoder, superResolution } = cascade;
    rows.push(["images", `${squareOf(decoder.unet.sampleSize)}, enlarged to ${squareOf(superResolution.imageSize)}`]);
  }
  const width = prior?.network.embedDim ?? cascade?.decoder.projection.embedDim;
  if (width !== undefined) rows.push(["image embeddings", `${width} values`]);
  rows.push(["generates", usesOf(folder, kinds).join(", ") || "nothing by itself"]);
  if (prior) rows.push(["prior", settingsText(PRIOR_DEFAULTS)]);
  if (cascade)
    rows.push(
      ["decoder", settingsText(DECODER_DEFAULTS)],
      ["super-resolution", settingsText(SUPER_RESOLUTION_DEFAULTS)],
    );
  return [{ title: "Karlo", rows }];
}

function squareOf(side: number): string {
  return `${side} × ${side} pixels`;
}

/** What the models can be used for. */
function usesOf(folder: OpenedFolder, kinds: readonly string[]): readonly string[] {
  const has = (...needed: readonly string[]): boolean => needed.every((kind) => kinds.includes(kind));
  const found = componentsOf(folder);
  const hasImageEncoder = has("clip") && found.has("image_encoder") && found.has("feature_extractor");
  const uses = [
    has("prior", "decoder", "clip") ? "images of texts" : undefined,
    has("decoder") && hasImageEncoder ? "variations of images" : undefined,
    has("decoder", "clip") ? "images of image embeddings" : undefined,
    has("prior", "clip") && !has("decoder") ? "image embeddings of texts" : undefined,
    has("decoder") ? "enlarged images" : undefined,
  ];
  return uses.filter((use) => use !== undefined);
}
