/** Builds the prior and the encoders of Kandinsky 2.2 from folders in the layout of diffusers. */
import type { ModelSource, PriorSource } from "../../config/load-config-data.js";
import { declareEncoders } from "../diffusers/clip-encoders.js";
import { componentsOf } from "../diffusers/components.js";
import { declarePrior } from "../diffusers/prior/load-prior.js";
import type { UnclipPrior } from "../diffusers/prior/unclip-prior.js";
import type { BuildRequest, Declared } from "../family.js";
import type { Encoders } from "../interfaces.js";
import { folderOf } from "../diffusers/requested-folder.js";
import { componentsIn } from "./components-in.js";
import { FAMILY } from "./layouts.js";
import { PRIOR_OPTIONS } from "./prior-options.js";

/** Builds the prior. Rejects with `ConfigError`, `FormatError` or `FileError`, which name the file. */
export async function loadPrior({ opened, arena }: BuildRequest<PriorSource>): Promise<Declared<UnclipPrior>> {
  const folder = folderOf(opened, FAMILY);
  return declarePrior(folder, arena, componentsIn(folder, "prior"), PRIOR_OPTIONS);
}

/** Builds the encoders of texts and, if the folder has one, of images. Rejects as `loadPrior`. */
export async function loadEncoders({ opened, arena }: BuildRequest<ModelSource>): Promise<Declared<Encoders>> {
  const folder = folderOf(opened, FAMILY);
  const components = componentsIn(folder, "encoders");
  const found = componentsOf(folder);
  const hasImageEncoder = found.has(components.image) && found.has(components.processor);
  return declareEncoders(folder, arena, { components, hasImageEncoder });
}
