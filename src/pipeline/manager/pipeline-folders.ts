// The folders that the models of a load config's `pipeline` are in: one for all, or a decoder's and that of its prior.
import { join } from "#platform";
import { ConfigError } from "../../config/config-error.js";
import type { FileLocation, PipelineLocation } from "../../config/load-config-data.js";
import { FOLDER_INDEX, withoutIndex } from "../../files/folder/file-folder.js";
import { hubUrl, parseHubId } from "../../files/folder/hub-place.js";
import { isUrl } from "../../files/open.js";
import { kindsOf } from "../../models/diffusers/claimed-components.js";
import { claimOf, familyOf, type Claimed } from "../../models/families.js";
import { openModelFolder, type OpenedFolder } from "../../models/opened.js";
import { FileError } from "../../platform/errors.js";
import { FormatError } from "../../weights/errors.js";
import type { ModelKind } from "../../weights/tree/model-names.js";
import type { ModelLoadConfig, NamedFile } from "../load-config.js";
import { openFolderEntry, type FolderEntryOptions } from "./open-folder.js";

/** A file or folder that a load config names or implies, and the models that are taken from it. */
export interface ModelPlace extends NamedFile {
  /** Undefined for a train config. */
  readonly kinds: readonly ModelKind[] | undefined;
}

/** A folder of a pipeline. */
export interface PipelineFolder extends ModelPlace {
  /** Its path, URL or hub id. */
  readonly name: string;
  readonly kinds: readonly ModelKind[];
}

const KINDS: readonly ModelKind[] = ["prior", "decoder", "clip"];
/** What the folder of a prior has for a decoder. */
const OF_PRIOR: readonly ModelKind[] = ["prior", "clip"];
/** The name of a folder with the prior, beside that of the decoder. */
const BESIDE = "prior";

/** The files and folders that the models of a load config are read from. Rejects as `pipelineFolders`. */
export async function modelPlaces(
  config: ModelLoadConfig,
  options: FolderEntryOptions,
): Promise<readonly ModelPlace[]> {
  if (config.data.pipeline) return pipelineFolders(config, config.data.pipeline, options);
  return config.files().map((named) => {
    const kind = KINDS.find((one) => named.place.startsWith(one) && named.place.endsWith("load_model_from"));
    return { ...named, kinds: kind && [kind] };
  });
}

/**
 * The folders of a pipeline, and which models are taken from each: prior and CLIP from the folder that the load config names for
 * them. If it names none, all models are taken from one folder; if that has a decoder alone, prior and CLIP from a folder beside it
 * on this machine, or else from the repository that the family knows for it. Says beforehand how much is to be downloaded of each.
 * Rejects with `FileError`, `FormatError` or `ConfigError`.
 */
export async function pipelineFolders(
  config: ModelLoadConfig,
  pipeline: PipelineLocation,
  options: FolderEntryOptions,
): Promise<readonly PipelineFolder[]> {
  if (pipeline.prior) {
    const prior = await priorFolder(config, pipeline.prior, options);
    const main = await openPipeline(config, pipeline, { ...options, kinds: without(KINDS, prior.kinds) });
    await main.opened.close();
    return [{ ...main.folder, kinds: without(main.folder.kinds, prior.kinds) }, prior];
  }
  const { folder, opened, claimed } = await openPipeline(config, pipeline, options);
  try {
    const place = folder.kinds.includes("prior") ? undefined : await connectedPrior(config, pipeline, opened, claimed);
    return place ? [folder, await priorFolder(config, place, options)] : [folder];
  } finally {
    await opened.close();
  }
}

async function openPipeline(config: ModelLoadConfig, file: FileLocation, options: FolderEntryOptions) {
  const opened = await openFolderEntry(config, file, options);
  if (!opened) throw new FileError(config.describe(file), "is not a folder of models", { code: "file/not-found" });
  try {
    const claimed = familyOf(opened);
    const folder: PipelineFolder = { place: "pipeline", file, name: opened.name, kinds: kindsOf(claimed.claim) };
    return { folder, opened, claimed };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** Opens the folder of a prior for a decoder, and says how much of it is to be downloaded. */
async function priorFolder(
  config: ModelLoadConfig,
  file: FileLocation,
  options: FolderEntryOptions,
): Promise<PipelineFolder> {
  const { folder, opened, claimed } = await openPipeline(config, file, { ...options, kinds: OF_PRIOR });
  await opened.close();
  const kinds = folder.kinds.filter((kind) => OF_PRIOR.includes(kind));
  if (kinds.includes("prior")) return { ...folder, place: "pipeline.prior", kinds };
  throw new ConfigError(
    `${config.source}: its prior should be in ${folder.name}, but that holds ${claimed.claim.words}`,
    {
      advice: "name another folder for the prior",
    },
  );
}

/** Where the prior of a decoder alone is; undefined if its family needs none, or nobody knows. */
async function connectedPrior(
  config: ModelLoadConfig,
  pipeline: PipelineLocation,
  decoder: OpenedFolder,
  { family }: Claimed,
): Promise<FileLocation | undefined> {
  if (!family.priorOf) return undefined;
  const place = parseHubId((await family.priorOf(decoder)) ?? "");
  const names = [...(place ? [place.id.slice(place.id.indexOf("/") + 1)] : []), BESIDE];
  const beside = pipeline.load_type === "local" && !isUrl(pipeline.path) ? pipeline.path : undefined;
  for (const name of beside === undefined ? [] : names) {
    const path = join(withoutIndex(beside!) || ".", "..", name, FOLDER_INDEX);
    if (await holdsPrior(config, { load_type: "local", path })) return { load_type: "local", path };
  }
  return place && { load_type: "url", path: hubUrl(place), cache_dir: pipeline.cache_dir };
}

/** Whether a folder, which may not exist, holds a prior. */
async function holdsPrior(config: ModelLoadConfig, file: FileLocation): Promise<boolean> {
  try {
    const [files] = (await config.folders(file, { onWarning: () => undefined })) ?? [];
    if (!files || !(await files.has(FOLDER_INDEX))) return false;
    const opened = await openModelFolder(files);
    try {
      const claimed = claimOf(opened);
      return claimed !== undefined && kindsOf(claimed.claim).includes("prior");
    } finally {
      await opened.close();
    }
  } catch (error) {
    // Nobody said that it is there, so whatever it is instead is no mistake.
    if (error instanceof FileError || error instanceof FormatError) return false;
    throw error;
  }
}

function without(kinds: readonly ModelKind[], others: readonly ModelKind[]): readonly ModelKind[] {
  return kinds.filter((kind) => !others.includes(kind));
}
