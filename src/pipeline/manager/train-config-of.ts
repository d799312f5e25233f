import { ConfigError } from "../../config/config-error.js";
import type { FileLocation } from "../../config/file-location.js";
import type { ModelLoadConfig } from "../../config/load-config.js";
import type { Checkpoint } from "../../weights/checkpoint.js";
import type { LoadingOptions } from "./loading-options.js";

/** A train config as it was read, and the file that it is in, or would be in. */
export interface TrainConfig {
  /** Undefined where there is none. */
  readonly value: unknown;
  readonly name: string;
}

/** The train config in a checkpoint, or else in the file beside it that the load config names; there may be none. */
export async function trainConfigOf(
  checkpoint: Checkpoint,
  beside: FileLocation | null | undefined,
  loadConfig: ModelLoadConfig,
  options: LoadingOptions,
): Promise<TrainConfig> {
  if (checkpoint.config !== undefined) return { value: checkpoint.config, name: checkpoint.name };
  if (!beside) return { value: undefined, name: checkpoint.name };
  return { value: await loadConfig.readJson(beside, options), name: loadConfig.describe(beside) };
}

/** Throws one `ConfigError` that asks for the options that neither a train config nor the shapes say. */
export function requireOptions(
  missing: readonly string[],
  { value, name }: TrainConfig,
  loadConfig: ModelLoadConfig,
): void {
  if (missing.length === 0) return;
  const [problem, remedy] =
    value === undefined
      ? [
          "holds no config of its own",
          `Put them into a JSON file, and name it as load_config_from in ${loadConfig.source}`,
        ]
      : ["lacks options", "Add them"];
  throw new ConfigError(
    `${name} ${problem}, and shapes do not tell ${missing.join(", ")}. ${remedy}; the rest is read from the weights.`,
  );
}
