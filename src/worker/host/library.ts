// Functions of the library that need no device, as the worker runs them.
import { clearCache, listCache } from "../../files/cache.js";
import type { GivenFile, GivenPath } from "../../files/folder/given-folder.js";
import { storageState } from "../../files/storage-state.js";
import { openSource } from "../../files/open.js";
import { decodeImage } from "../../image/decode.js";
import { encodeImage, readImageText } from "../../image/encode.js";
import { loadImage, loadRgbaImage } from "../../image/image-files.js";
import { resizeBicubic, resizeLanczos } from "../../image/pillow-resize.js";
import { inspectCheckpoint } from "../../models/inspect.js";
import type { Inspection } from "../../models/inspection.js";
import { openCheckpoint } from "../../models/open-checkpoint.js";
import { ModelLoadConfig, type ConfigOptions } from "../../pipeline/load-config.js";
import { isConfigName } from "../../pipeline/config-names.js";
import { planMemory, type MemoryPlan, type MemoryPlanOptions } from "../../pipeline/manager/memory-plan.js";
import { encodeRecorded, readImageRecord } from "../../pipeline/records/image-record.js";
import { forgetTuning, keepTuning, readKeptTuning } from "../../tuning/kept.js";
import type { CheckpointOptions } from "../../weights/checkpoint.js";
import { isContent, type RemoteConfig } from "../remote-config.js";

/** Reads a load config. The source of one of the package is its name. */
export async function openConfig(config: RemoteConfig, options: ConfigOptions = {}): Promise<ModelLoadConfig> {
  if (!isContent(config)) return ModelLoadConfig.open(config, options);
  const { data, source } = config;
  return typeof source === "string" && isConfigName(source)
    ? ModelLoadConfig.parseNamed(data, source, options)
    : ModelLoadConfig.parse(data, source);
}

async function inspect(file: string | GivenFile | GivenPath, options: CheckpointOptions = {}): Promise<Inspection> {
  const checkpoint = await openCheckpoint(
    await openSource(file, { signal: options.signal, headersOnly: true }),
    options,
  );
  try {
    return await inspectCheckpoint(checkpoint);
  } finally {
    await checkpoint.close();
  }
}

async function bytesOf(file: Uint8Array | Blob): Promise<Uint8Array> {
  return file instanceof Blob ? new Uint8Array(await file.arrayBuffer()) : file;
}

/** The functions by name. Their types are those of the client's methods. */
export const LIBRARY = {
  clearCache: (folder: string | undefined, names: readonly string[]) =>
    clearCache(folder, ({ name }) => names.includes(name)),
  decodeImage: async (file: Uint8Array | Blob) => decodeImage(await bytesOf(file)),
  encodeImage,
  encodeRecorded,
  forgetTuning,
  inspect,
  keepTuning,
  listCache,
  loadImage,
  loadRgbaImage,
  planMemory: async (config: RemoteConfig, options: MemoryPlanOptions): Promise<MemoryPlan> =>
    planMemory(await openConfig(config, options), options),
  readImageRecord: async (file: Uint8Array | Blob, name: string) => readImageRecord(await bytesOf(file), name),
  readImageText: async (file: Uint8Array | Blob) => readImageText(await bytesOf(file)),
  readKeptTuning,
  resizeBicubic,
  resizeLanczos,
  storageState,
};
