// The components that a request is for.
import { ConfigError } from "../../config/config-error.js";
import type { OpenedFolder } from "../opened.js";
import { layoutOfFolder, type KandinskyLayout } from "./layouts.js";

/** The components of a part of the model. Throws `ConfigError` if the folder is of a pipeline without it. */
export function componentsIn<Part extends "prior" | "encoders" | "decoder">(
  folder: OpenedFolder,
  part: Part,
): NonNullable<KandinskyLayout[Part]> {
  const components = layoutOfFolder(folder)?.[part];
  if (components) return components;
  throw new ConfigError(`${folder.name} is a ${String(folder.index._class_name)}, which has no ${part}`);
}
