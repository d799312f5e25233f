/**
 * The load config of LAION's dalle2-laion (dalle2_laion/config.py): which files make up a model, and how it is sampled
 * by default. Extensions of ours: `clip.load_model_from`, without which CLIP comes along with the prior or is downloaded
 * by name; `version`, `dialect` and `weights` beside a model's `load_model_from`.
 */
import { z } from "zod";
import type { HttpOptions } from "../files/http.js";
import { openSource, resolveBeside } from "../files/open.js";
import type { ByteSource } from "../platform/source.js";
import { ConfigError, parseConfig } from "./config-error.js";
import { dialectEntries } from "./dialect-config.js";
import { parseJson, readJson } from "./read-json.js";
import { adapterConfig } from "./train-config.js";

const steps = z.int().positive();
const scale = z.number();

/** Which weights of a checkpoint to take, an extension of ours: those as trained, or their average. Default: those under `model`. */
const weights = z.enum(["online", "ema"]).nullish();

/** Where a file is: `local` paths are relative to the config, unlike upstream's, which are relative to the working folder. */
const file = z.looseObject({
  load_type: z.enum(["local", "url"]),
  path: z.string().min(1),
  checksum_file_path: z.string().nullish(),
  cache_dir: z.string().nullish(),
  filename_override: z.string().nullish(),
});
export type FileLocation = z.output<typeof file>;

const unetSource = z
  .looseObject({
    unet_numbers: z.array(z.int().positive()).nonempty(),
    default_sample_timesteps: z.array(steps.nullable()).nullish(),
    default_cond_scale: z.array(scale).nullish(),
    load_model_from: file,
    load_config_from: file.nullish(),
    weights,
    ...dialectEntries,
  })
  .check(({ value, issues }) => {
    for (const field of ["default_sample_timesteps", "default_cond_scale"] as const) {
      const given = value[field];
      if (given && given.length !== value.unet_numbers.length) {
        const message = `${given.length} values for ${value.unet_numbers.length} unet_numbers; there must be one for each`;
        issues.push({ code: "custom", message, path: [field], input: given });
      }
    }
  });
export type UnetSource = z.output<typeof unetSource>;

const decoderLoadConfig = z.looseObject({ unet_sources: z.array(unetSource).nonempty() }).check(({ value, issues }) => {
  const numbers = value.unet_sources.flatMap((source) => source.unet_numbers).sort((a, b) => a - b);
  if (numbers.some((number, index) => number !== index + 1)) {
    const message = `the unet_numbers of all sources are ${numbers.join(", ")}; they must be 1, 2, … without gaps or repetitions`;
    issues.push({ code: "custom", message, path: ["unet_sources"], input: value.unet_sources });
  }
});

const priorLoadConfig = z.looseObject({
  default_sample_timesteps: steps.nullish(),
  default_cond_scale: scale.nullish(),
  load_model_from: file,
  load_config_from: file.nullish(),
  weights,
  ...dialectEntries,
});
export type PriorSource = z.output<typeof priorLoadConfig>;

const clipLoadConfig = adapterConfig.extend({ load_model_from: file.nullish() });
export type ClipSource = z.output<typeof clipLoadConfig>;

const modelLoadConfig = z.looseObject({
  decoder: decoderLoadConfig.nullish(),
  prior: priorLoadConfig.nullish(),
  clip: clipLoadConfig.nullish(),
  strict_loading: z.boolean().default(true),
});
export type ModelLoadConfigData = z.output<typeof modelLoadConfig>;

/** How the files of a load config are opened. */
export interface FileOptions extends HttpOptions {
  /** Folder for what is downloaded and has no `cache_dir`. Default: the user's cache. */
  readonly cacheFolder?: string | undefined;
  /** False: what was downloaded before is used without asking its server. Default true. */
  readonly checkUpdates?: boolean | undefined;
  /** False: what has no `cache_dir` is downloaded each time and removed when it is closed, as dalle2-laion does. Default true. */
  readonly keepDownloads?: boolean | undefined;
  readonly onProgress?: ((progress: FileProgress) => void) | undefined;
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** How much of a file has come. */
export interface FileProgress {
  /** Path or URL. */
  readonly file: string;
  readonly loadedBytes: number;
  /** Undefined where a server does not say. */
  readonly totalBytes?: number | undefined;
}

/** A load config and where it came from, against which its relative paths are read. */
export class ModelLoadConfig {
  private constructor(
    readonly data: ModelLoadConfigData,
    /** Path or URL of the config. */
    readonly source: string,
  ) {}

  /** Reads a load config from a JSON file. Rejects with `FileError` or `ConfigError`. */
  static async fromJsonPath(path: string): Promise<ModelLoadConfig> {
    return ModelLoadConfig.parse(await readJson(path), path);
  }

  /** Checks a load config that was read already; its relative paths start at the folder of `source`. */
  static parse(value: unknown, source: string): ModelLoadConfig {
    return new ModelLoadConfig(parseConfig(modelLoadConfig, value, source), source);
  }

  /** Opens a file that the config names, for reads by range; the caller closes it. Rejects with `FileError`. */
  async openFile(file: FileLocation, options: FileOptions = {}): Promise<ByteSource> {
    return openSource(this.#locate(file), { signal: options.signal, fetch: options.fetch });
  }

  /** The content of a JSON file that the config names. Rejects with `FileError`, or `ConfigError` where it is not JSON. */
  async readJson(file: FileLocation, options: FileOptions = {}): Promise<unknown> {
    const source = await this.openFile(file, options);
    try {
      return parseJson(await source.read(0, source.size, options.signal), source.name);
    } finally {
      await source.close();
    }
  }

  /** Where a file that the config names is, for messages. */
  describe(file: FileLocation): string {
    return file.load_type === "url" ? file.path : resolveBeside(this.source, file.path);
  }

  #locate({ load_type, path }: FileLocation): string {
    if (load_type === "url") {
      throw new ConfigError(
        `${this.source}: ${path} has load_type "url", which is not supported yet; download it and use "local"`,
      );
    }
    return resolveBeside(this.source, path);
  }
}
