import * as z from "zod/mini";
import { downloadName } from "../../config/file-location.js";
import type { FileLocation } from "../../config/load-config-data.js";
import type { ModelLoadConfig } from "../load-config.js";
import type { ClipSource } from "../../config/load-config-data.js";
import { TransientError } from "../../files/http-error.js";
import { isOnHub } from "../../files/hub.js";
import type { ClipConfig } from "../../models/clip/create.js";
import { resolveBeside } from "../../files/open.js";
import { FileError } from "../../platform/errors.js";
import type { TensorSource } from "../../weights/tensor-source.js";
import type { LoadingOptions } from "./loading-options.js";
import { warnOnConsole } from "../../platform/printable.js";

/** File names of configs that open_clip and the transformers library publish beside weights. */
const NAMES = ["open_clip_config.json", "config.json"];

/** A CLIP of a load config, and where its `base_model_kwargs` come from. */
export type DescribedClip = ClipSource & Required<Pick<ClipConfig, "kwargsPlace">>;

/**
 * Adds the config that was published beside the file of a CLIP, on this machine or on the model hub: for open_clip, and for
 * models with the names of the transformers library. Shapes do not show the activation, nor the number of heads of wide
 * models. If the load config has `base_model_kwargs`, these are used instead.
 */
export async function withPublishedConfig(
  source: ClipSource,
  { tensors }: Pick<TensorSource, "tensors">,
  config: ModelLoadConfig,
  options: LoadingOptions,
): Promise<DescribedClip> {
  const { make, base_model_kwargs: given, load_model_from: file } = source;
  const isDescribed = make === "open_clip" || (make === "openai" && tensors.has("text_model.final_layer_norm.weight"));
  const own = { ...source, kwargsPlace: { file: config.source, path: ["clip", "base_model_kwargs"] } };
  if (given !== null || !file || !isDescribed) return own;
  for (const name of NAMES) {
    const location = besideFile(file, name);
    const published = location && (await readIfThere(location, config, options));
    if (isClipConfig(published)) {
      return { ...source, base_model_kwargs: published, kwargsPlace: { file: config.describe(location!), path: [] } };
    }
  }
  return own;
}

/** Returns the location of a file beside another; undefined on servers other than the hub. */
function besideFile(file: FileLocation, name: string): FileLocation | undefined {
  if (file.load_type === "local") return { load_type: "local", path: resolveBeside(file.path, name) };
  if (!isOnHub(file.path)) return undefined;
  const { cache_dir } = file;
  return {
    load_type: "url",
    path: new URL(name, file.path).href,
    cache_dir,
    filename_override: `${downloadName(file)}.${name}`,
  };
}

async function readIfThere(file: FileLocation, config: ModelLoadConfig, options: LoadingOptions): Promise<unknown> {
  const { checkUpdates = true, patience, onWarning = warnOnConsole } = options;
  // Most models have one of the two files, or none. Without updates, no server is asked for a file that was not there before.
  const asking = checkUpdates
    ? { patience: { ...patience, attempts: 2 } }
    : { patience: { ...patience, attempts: 1 }, fetch: refuse };
  try {
    return await config.readJson(file, { ...options, ...asking });
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    if (checkUpdates && error instanceof TransientError) {
      onWarning(
        `${error.message}. It is not known whether this CLIP has a config; the usual values of its make are assumed.`,
      );
    }
    return undefined;
  }
}

const refuse: typeof fetch = () => Promise.reject(new Error("updates are off"));

/**
 * Tells whether a value is the config of a CLIP, since the folder may hold another config. Unknown keys do not matter here:
 * they are an error later.
 */
function isClipConfig(value: unknown): value is Record<string, unknown> {
  const { success, data } = clipParts.safeParse(value);
  return success && Boolean(data.model_cfg ?? data.vision_cfg ?? (hasText(data) && hasVision(data)));
}

const part = z.nullish(z.record(z.string(), z.unknown()));
const clipParts = z.object({
  model_cfg: part,
  vision_cfg: part,
  text_config: part,
  text_config_dict: part,
  vision_config: part,
  vision_config_dict: part,
});
type ClipParts = z.output<typeof clipParts>;

const hasText = (data: ClipParts): boolean => Boolean(data.text_config ?? data.text_config_dict);
const hasVision = (data: ClipParts): boolean => Boolean(data.vision_config ?? data.vision_config_dict);
