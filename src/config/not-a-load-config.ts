import { ConfigError, nearestName } from "./config-error.js";
import { excerpt } from "../platform/printable.js";

const MODELS = ["pipeline", "decoder", "prior", "clip"];
/** All keys of a load config. */
const KEYS = [...MODELS, "$schema", "devices", "load_on_cpu", "strict_loading"];

const TRAIN_CONFIG = "a train config of DALLE2-pytorch (a load config refers to it as load_config_from)";

/** Other JSON files that may be given by mistake, by a key that no load config has. */
const KINDS: readonly (readonly [key: string, kind: string])[] = [
  ["_class_name", "a config of diffusers (a load config refers to the whole folder as pipeline)"],
  ["weight_map", "the index of a sharded checkpoint (a load config refers to it as load_model_from)"],
  ["model_cfg", "a config of OpenCLIP (a load config has it as clip.base_model_kwargs)"],
  ["text_config", "a config of transformers' CLIP (a load config has it as clip.base_model_kwargs)"],
  ["dependencies", "the package.json of an npm package"],
];

/**
 * Throws `ConfigError` if JSON is not a load config at all, as a list of unknown keys would not help then. An invalid load config
 * passes. `source` names the file.
 */
export function checkIsLoadConfig(value: unknown, source: string): void {
  const found = foundInstead(value);
  if (found === undefined) return;
  const models = MODELS.map((key) => JSON.stringify(key)).join(", ");
  throw new ConfigError(`${source} is not a load config: it ${found}. A load config has at least one of ${models}`, {
    advice: "see the folder configs in this package for examples",
  });
}

/** Whether JSON is a load config with models, valid or not. */
export function hasModels(value: unknown): boolean {
  return foundInstead(value) === undefined && MODELS.some((key) => Object.hasOwn(value as object, key));
}

function foundInstead(value: unknown): string | undefined {
  if (Array.isArray(value)) return "is a list";
  if (typeof value !== "object" || value === null) return `is ${value === null ? "null" : `a ${typeof value}`}`;
  if (isTrainConfig(value)) return `is ${TRAIN_CONFIG}`;
  const keys = Object.keys(value);
  // A known or misspelled key, or no key at all (a load config without models): report its faults elsewhere.
  if (keys.length === 0 || keys.slice(0, 20).some((key) => nearestName(key, KEYS) !== undefined)) return undefined;
  const kind = KINDS.find(([key]) => Object.hasOwn(value, key));
  if (kind) return `is ${kind[1]}`;
  const shown = keys.slice(0, 3).map((key) => `"${excerpt(key, 40)}"`);
  return `has ${shown.join(", ")}${keys.length > shown.length ? ` and ${keys.length - shown.length} other keys` : ""} instead`;
}

/** Whether this is a train config. It also has a decoder or a prior, but with networks instead of files. */
function isTrainConfig({ decoder, prior }: { readonly decoder?: unknown; readonly prior?: unknown }): boolean {
  return (
    (hasKey(decoder, "unets") && !hasKey(decoder, "unet_sources")) ||
    (hasKey(prior, "net") && !hasKey(prior, "load_model_from"))
  );
}

function hasKey(value: unknown, key: string): boolean {
  return typeof value === "object" && value !== null && Object.hasOwn(value, key);
}
