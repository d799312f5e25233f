import type { ModelLoadConfig } from "../../config/load-config.js";
import type { PriorSource, UnetSource } from "../../config/load-config-schema.js";
import { openCheckpoint, type Checkpoint } from "../../weights/checkpoint.js";
import type { ModelKind } from "../../weights/tree/choose-model.js";
import type { LoadingOptions } from "./loading-options.js";

/** What a load config says of a checkpoint. */
type Source = Pick<PriorSource | UnetSource, "load_model_from" | "state_dict_key"> &
  Partial<Pick<PriorSource, "weights">>;

/** Opens a checkpoint that a load config names, for a model of a kind. Rejects with `FileError` or `FormatError`. */
export async function openSourceCheckpoint(
  config: ModelLoadConfig,
  { load_model_from: file, state_dict_key: key, weights }: Source,
  model: ModelKind,
  options: LoadingOptions,
): Promise<Checkpoint> {
  const source = await config.openFile(file, options);
  const { signal } = options;
  return openCheckpoint(source, { signal, model, weights: weights ?? undefined, stateDictKey: key ?? undefined });
}
