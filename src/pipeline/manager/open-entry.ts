import { ConfigError } from "../../config/config-error.js";
import type { PriorSource, UnetSource } from "../../config/load-config-data.js";
import { resolveBeside } from "../../files/open.js";
import { modelNames } from "../../models/families.js";
import type { Opened } from "../../models/opened.js";
import { openCheckpoint } from "../../weights/checkpoint.js";
import type { ModelKind } from "../../weights/tree/model-names.js";
import type { ModelLoadConfig } from "../load-config.js";
import type { LoadingOptions } from "./loading-options.js";
import { openFolderEntry, type FolderEntryOptions } from "./open-folder.js";

/** The keys of a load config that choose a checkpoint and its weights. */
type Source = Pick<PriorSource | UnetSource, "load_model_from" | "state_dict_key"> &
  Partial<Pick<PriorSource, "weights">>;

/** How to open an entry of a load config. */
export type EntryOptions = LoadingOptions & Pick<FolderEntryOptions, "prefersF16">;

/**
 * Opens a checkpoint or folder that a load config names, for one of its models. Rejects with `FileError` or `FormatError`, and
 * with `ConfigError` if keys beside it do not go with a folder.
 */
export async function openEntry(
  config: ModelLoadConfig,
  { load_model_from: file, state_dict_key: key, weights }: Source,
  model: ModelKind,
  options: EntryOptions,
): Promise<Opened> {
  const { signal } = options;
  // Of a pipeline all models are loaded, one after the other.
  const kinds = file === config.data.pipeline ? undefined : [model];
  const folder = await openFolderEntry(config, file, { ...options, kinds });
  if (folder) {
    const extra = key != null ? "state_dict_key" : weights != null ? "weights" : undefined;
    if (extra === undefined) return folder;
    await folder.close();
    throw new ConfigError(
      `${config.source} has ${extra} for the ${model}, but ${folder.name} is a folder of models: ${extra} chooses in one file`,
    );
  }
  const source = await config.openFile(file, options);
  const choice = { weights: weights ?? undefined, stateDictKey: key ?? undefined };
  // A download has another name than its file on the server, which the shards are beside.
  const { load_type, cache_dir } = file;
  const openShard = (name: string) =>
    config.openFile({ load_type, cache_dir, path: resolveBeside(file.path, name) }, options);
  return {
    kind: "file",
    ...(await openCheckpoint(source, { names: modelNames(), signal, model, openShard, ...choice })),
  };
}
