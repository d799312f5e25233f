import type { HttpOptions } from "../files/request.js";
import { isConfigName } from "../pipeline/config-names.js";
import { findPipeline } from "../pipeline/find-pipeline.js";
import { ModelLoadConfig, type FileOptions } from "../pipeline/load-config.js";
import { openFolderEntry } from "../pipeline/manager/open-folder.js";
import type { OpenedFolder } from "../models/opened.js";
import { FileError } from "../platform/errors.js";

/** Whether a text names a folder of models: a name of a load config that has one, a path, a URL, or the id of a repository. */
export async function isModelFolder(text: string, options: HttpOptions): Promise<boolean> {
  if (isConfigName(text)) return (await ModelLoadConfig.named(text)).data.pipeline != null;
  return (await findPipeline(text, options)) !== undefined;
}

/** Opens a folder of models, named as for `isModelFolder`. The caller closes it. */
export async function openFolderAt(folder: string, options: FileOptions): Promise<OpenedFolder> {
  const config = await ModelLoadConfig.open(folder, options);
  const { pipeline } = config.data;
  const opened = pipeline && (await openFolderEntry(config, pipeline, { ...options, prefersF16: false }));
  if (opened) return opened;
  throw new FileError(folder, "is not a folder of models", { code: "file/not-found" });
}
