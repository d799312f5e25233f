// What the models in a folder of Kandinsky 2.2 can do, for people.
import { kindsOf } from "../diffusers/claimed-components.js";
import { componentsOf } from "../diffusers/components.js";
import { settingsText } from "../diffusers/describe-settings.js";
import { readPrior } from "../diffusers/prior/load-prior.js";
import type { ReportSection } from "../family.js";
import type { OpenedFolder } from "../opened.js";
import { claimFolder } from "./claim.js";
import { PRIOR_DEFAULTS } from "./defaults.js";
import { layoutOfFolder } from "./layouts.js";

/** Describes a folder from its configs: what its models generate, and by which settings if a call gives none. */
export async function describeFolder(folder: OpenedFolder): Promise<readonly ReportSection[]> {
  const claim = claimFolder(folder);
  const kinds = claim ? kindsOf(claim) : [];
  const layout = layoutOfFolder(folder);
  const prior = layout?.prior && kinds.includes("prior") ? await readPrior(folder, layout.prior) : undefined;
  const rows: (readonly [string, string])[] = [];
  if (prior) rows.push(["image embeddings", `${prior.network.embedDim} values`]);
  rows.push(["generates", usesOf(folder, kinds).join(", ") || "nothing by itself"]);
  if (prior) rows.push(["prior", settingsText(PRIOR_DEFAULTS)]);
  return [{ title: "Kandinsky 2.2", rows }];
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
