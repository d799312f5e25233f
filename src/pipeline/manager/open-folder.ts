import type { FileLocation } from "../../config/load-config-data.js";
import { FOLDER_INDEX, type FileFolder } from "../../files/folder/file-folder.js";
import { componentsRead, kindsOf } from "../../models/diffusers/claimed-components.js";
import { hasAll, weightsOf } from "../../models/diffusers/folder-files.js";
import { claimOf } from "../../models/families.js";
import { openModelFolder, type OpenedFolder } from "../../models/opened.js";
import type { ModelKind } from "../../weights/tree/model-names.js";
import type { FileOptions, ModelLoadConfig } from "../load-config.js";

/** How to open a folder of models. */
export interface FolderEntryOptions extends FileOptions {
  /** Whether weights in f16 are read, if the folder has some beside others. */
  readonly prefersF16: boolean;
  /** The models that are loaded from it. Default: all that its family claims. */
  readonly kinds?: readonly ModelKind[] | undefined;
}

/**
 * Opens a folder of models that a load config names; undefined if the config names a file there. Says beforehand how much is to be
 * downloaded. Rejects with `FileError` or `FormatError`.
 */
export async function openFolderEntry(
  config: ModelLoadConfig,
  file: FileLocation,
  options: FolderEntryOptions,
): Promise<OpenedFolder | undefined> {
  const places = await config.folders(file, options);
  for (const [i, files] of (places ?? []).entries()) {
    const isLast = i === places!.length - 1;
    if (!isLast && !(await files.has(FOLDER_INDEX))) continue;
    const opened = await openModelFolder(files, options);
    try {
      const read = componentsOfModels(opened, options);
      // The cache of Hugging Face's libraries may hold only some files of a repository.
      if (isLast || (await hasAll(opened, read))) {
        await announce(files, opened, read);
        return opened;
      }
    } catch (error) {
      await opened.close();
      throw error;
    }
    await opened.close();
  }
  return undefined;
}

/** The components of a folder that models read; none if no family claims it, which is an error later. */
export function componentsOfModels(
  opened: OpenedFolder,
  { kinds }: Pick<FolderEntryOptions, "kinds">,
): readonly string[] {
  const claim = claimOf(opened)?.claim;
  return claim ? componentsRead(opened, claim, kinds ?? kindsOf(claim)) : [];
}

async function announce(files: FileFolder, opened: OpenedFolder, components: readonly string[]): Promise<void> {
  if (!files.announce) return;
  const paths: string[] = [];
  for (const component of components) paths.push(...((await weightsOf(opened, component))?.files ?? []));
  await files.announce(paths);
}
