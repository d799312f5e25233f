import { ConfigError } from "../../config/config-error.js";
import type { ModelLoadConfig } from "../load-config.js";
import type { ClipSource } from "../../config/load-config-data.js";
import { openRemote } from "../../files/downloads.js";
import { openSource } from "../../files/open.js";
import { openAiModelUrl } from "../../models/clip/openai-models.js";
import { openCheckpoint } from "../../models/open-checkpoint.js";
import type { OpenedFolder } from "../../models/opened.js";
import type { TensorSource } from "../../weights/tensor-source.js";
import type { LoadingOptions } from "./loading-options.js";
import { openEntry, type EntryOptions } from "./open-entry.js";

/** An open file with the weights of a CLIP. */
export interface ClipFile extends TensorSource {
  readonly kind: "file";
  close(): Promise<void>;
}

/**
 * Opens the weights of the CLIP of a load config: the file or folder that the config names, or else those in the checkpoint of the
 * prior or the decoder, or else those that OpenAI published under its name, which are downloaded the first time.
 */
export async function openClipFile(
  source: ClipSource,
  config: ModelLoadConfig,
  options: EntryOptions,
): Promise<ClipFile | OpenedFolder> {
  const { load_model_from: file, state_dict_key } = source;
  if (file) return openEntry(config, { load_model_from: file, state_dict_key }, "clip", options);
  const bundled = await openBundled(config, options);
  if (bundled) return bundled;
  const { signal } = options;
  return { kind: "file", ...(await openCheckpoint(await openByName(source, config, options), { signal })) };
}

/** Opens the CLIP in the checkpoint of the prior or of a source of U-Nets. */
async function openBundled(config: ModelLoadConfig, options: EntryOptions): Promise<ClipFile | undefined> {
  const { prior, decoder } = config.data;
  const models = [
    ...(prior ? [["prior", prior] as const] : []),
    ...(decoder?.unet_sources ?? []).map((unets) => ["decoder", unets] as const),
  ];
  for (const [kind, model] of models) {
    const opened = await openEntry(config, model, kind, options);
    if (opened.kind === "file" && opened.clip.size > 0) {
      const { clip: tensors } = opened;
      const complete = (signal?: AbortSignal) => opened.complete(signal);
      return { kind: "file", name: `${opened.name} (clip.*)`, tensors, complete, close: () => opened.close() };
    }
    await opened.close();
  }
  return undefined;
}

function openByName({ make, model }: ClipSource, config: ModelLoadConfig, options: LoadingOptions) {
  if (make !== "openai") {
    throw new ConfigError(`${config.source}: clip.load_model_from is missing, and no checkpoint holds a CLIP`, {
      advice: `name a file with the weights of "${model}" (${make})`,
    });
  }
  const file = openAiModelUrl(model);
  if (options.remote === "ranges") return openSource(file.url, { ...options, headersOnly: true });
  const filename = file.url.split("/").at(-1)!;
  return openRemote(
    { ...file, filename },
    { ...options, keep: options.keepDownloads, early: options.remote === "early" },
  );
}
