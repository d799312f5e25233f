/** Builds the prior and the encoders of Stable unCLIP from folders in the layout of diffusers. */
import { ConfigError } from "../../config/config-error.js";
import type { ModelSource, PriorSource } from "../../config/load-config-data.js";
import { declareEncoders } from "../diffusers/clip-encoders.js";
import { componentsOf } from "../diffusers/components.js";
import { declarePrior } from "../diffusers/prior/load-prior.js";
import type { UnclipPrior } from "../diffusers/prior/unclip-prior.js";
import { folderOf } from "../diffusers/requested-folder.js";
import type { BuildRequest, Declared } from "../family.js";
import type { Encoders } from "../interfaces.js";
import { ENCODERS, FAMILY, PRIOR } from "./layouts.js";
import { PRIOR_OPTIONS } from "./prior-options.js";

/** Builds the prior. Rejects with `ConfigError`, `FormatError` or `FileError`, which name the file. */
export async function loadPrior({ opened, arena }: BuildRequest<PriorSource>): Promise<Declared<UnclipPrior>> {
  return declarePrior(folderOf(opened, FAMILY), arena, PRIOR, PRIOR_OPTIONS);
}

/**
 * Builds the encoders that the folder has: of texts for the prior, and of images. The decoder has a text encoder of its own. Rejects as
 * `loadPrior`.
 */
export async function loadEncoders({ opened, arena }: BuildRequest<ModelSource>): Promise<Declared<Encoders>> {
  const folder = folderOf(opened, FAMILY);
  const found = componentsOf(folder);
  const hasTextEncoder = found.has(ENCODERS.text) && found.has(ENCODERS.tokenizer);
  const hasImageEncoder = found.has(ENCODERS.image) && found.has(ENCODERS.processor);
  if (hasTextEncoder || hasImageEncoder) {
    return declareEncoders(folder, arena, { components: ENCODERS, hasTextEncoder, hasImageEncoder });
  }
  throw new ConfigError(`${folder.name} has neither an image encoder nor a text encoder for a prior`);
}
