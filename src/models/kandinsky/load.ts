/** Builds Kandinsky's models from folders in the layout of diffusers. */
import { ConfigError } from "../../config/config-error.js";
import type { ModelSource, PriorSource } from "../../config/load-config-data.js";
import { declareEncoders } from "../diffusers/clip-encoders.js";
import { componentsOf } from "../diffusers/components.js";
import { declarePrior } from "../diffusers/prior/load-prior.js";
import type { UnclipPrior } from "../diffusers/prior/unclip-prior.js";
import type { BuildRequest, Declared } from "../family.js";
import type { Encoders } from "../interfaces.js";
import type { OpenedFolder } from "../opened.js";
import { layoutOfFolder, type KandinskyLayout } from "./layouts.js";
import { PRIOR_OPTIONS } from "./prior-options.js";

/** Builds the prior. Rejects with `ConfigError`, `FormatError` or `FileError`, which name the file. */
export async function loadPrior({ opened, arena }: BuildRequest<PriorSource>): Promise<Declared<UnclipPrior>> {
  const folder = folderOf(opened);
  return declarePrior(folder, arena, componentsIn(folder, "prior"), PRIOR_OPTIONS);
}

/** Builds the encoders of texts and, if the folder has one, of images. Rejects as `loadPrior`. */
export async function loadEncoders({ opened, arena }: BuildRequest<ModelSource>): Promise<Declared<Encoders>> {
  const folder = folderOf(opened);
  const components = componentsIn(folder, "encoders");
  const found = componentsOf(folder);
  const hasImageEncoder = found.has(components.image) && found.has(components.processor);
  return declareEncoders(folder, arena, { components, hasImageEncoder });
}

function folderOf(opened: BuildRequest<unknown>["opened"]): OpenedFolder {
  if (opened.kind === "folder") return opened;
  throw new ConfigError(`${opened.name} is a file; Kandinsky 2.2 is a folder of models`);
}

/** The components of a part of the model. Throws `ConfigError` if the folder is of a pipeline without it. */
function componentsIn<Part extends "prior" | "encoders" | "decoder">(
  folder: OpenedFolder,
  part: Part,
): NonNullable<KandinskyLayout[Part]> {
  const components = layoutOfFolder(folder)?.[part];
  if (components) return components;
  throw new ConfigError(`${folder.name} is a ${String(folder.index._class_name)}, which has no ${part}`);
}
