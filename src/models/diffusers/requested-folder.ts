// The folder that a request to build a model is for.
import { ConfigError } from "../../config/config-error.js";
import type { UnetSource } from "../../config/load-config-data.js";
import type { BuildRequest } from "../family.js";
import type { OpenedFolder } from "../opened.js";

/** The folder of a request. Throws `ConfigError` for a file. `family` is its name in messages. */
export function folderOf(opened: BuildRequest<unknown>["opened"], family: string): OpenedFolder {
  if (opened.kind === "folder") return opened;
  throw new ConfigError(`${opened.name} is a file; ${family} is a folder of models`);
}

/**
 * The only source of U-Nets of a family with one U-Net. Throws `ConfigError` for several, or for other numbers than that of the only
 * U-Net.
 */
export function onlyUnet(requests: readonly BuildRequest<UnetSource>[], family: string): BuildRequest<UnetSource> {
  const [request, ...others] = requests;
  if (others.length > 0) {
    throw new ConfigError(`${request!.config} has several sources of U-Nets, but ${family} has one U-Net`);
  }
  const { unet_numbers: numbers } = request!.source;
  if (numbers.length === 0 || numbers.join() === "1") return request!;
  throw new ConfigError(
    `${request!.origin}: unet_numbers must be [1], because ${family} has one U-Net; it has [${numbers.join(", ")}]`,
  );
}
