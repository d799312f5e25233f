import type { PriorSource, UnetSource } from "../../config/load-config-data.js";
import { modelNames } from "../../models/families.js";
import { openModel, type Opened } from "../../models/opened.js";
import type { ModelKind } from "../../weights/tree/model-names.js";
import type { ModelLoadConfig } from "../load-config.js";
import type { LoadingOptions } from "./loading-options.js";

/** The keys of a load config that choose a checkpoint and its weights. */
type Source = Pick<PriorSource | UnetSource, "load_model_from" | "state_dict_key"> &
  Partial<Pick<PriorSource, "weights">>;

/** Opens a checkpoint or folder that a load config names. Rejects with `FileError` or `FormatError`. */
export async function openEntry(
  config: ModelLoadConfig,
  { load_model_from: file, state_dict_key: key, weights }: Source,
  model: ModelKind,
  options: LoadingOptions,
): Promise<Opened> {
  const source = await config.openFile(file, options);
  const { signal } = options;
  return openModel(source, {
    names: modelNames(),
    signal,
    model,
    weights: weights ?? undefined,
    stateDictKey: key ?? undefined,
  });
}
