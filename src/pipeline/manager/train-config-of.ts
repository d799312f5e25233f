import type { FileLocation } from "../../config/load-config-data.js";
import type { TrainConfig } from "../../models/family.js";
import type { Opened } from "../../models/opened.js";
import type { ModelLoadConfig } from "../load-config.js";
import type { LoadingOptions } from "./loading-options.js";

/** Returns the train config in a checkpoint, or else in the file that the load config names for it, if any. */
export async function trainConfigOf(
  opened: Opened,
  beside: FileLocation | null | undefined,
  loadConfig: ModelLoadConfig,
  options: LoadingOptions,
): Promise<TrainConfig> {
  const { name } = opened;
  if (opened.kind === "file" && opened.config !== undefined) return { value: opened.config, name };
  if (!beside) return { value: undefined, name };
  return { value: await loadConfig.readJson(beside, options), name: loadConfig.describe(beside) };
}
