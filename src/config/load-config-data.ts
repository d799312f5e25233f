/** A load config that was checked, as plain types; its keys are those of the JSON file (`configs/README.md`). */

/** Where a file of a load config is: a path on this machine, or a URL and where its download is kept. */
export interface FileLocation {
  /** Whether the file is on this machine or is downloaded. */
  readonly load_type: "local" | "url";
  /** Path or URL. A relative path starts at the config's folder, else at the working directory. */
  readonly path: string;
  /** URL of the file's checksum. URLs of the Hugging Face hub with `/resolve/` need none. */
  readonly checksum_file_path?: string | null | undefined;
  /** Folder that a download is kept in. Default: the user's cache. */
  readonly cache_dir?: string | null | undefined;
  /** Name of the download in `cache_dir`. Default: the last part of the URL. */
  readonly filename_override?: string | null | undefined;
}

/** A checkpoint, and how it is read. Families of models have keys of their own beside these. */
export interface ModelSource {
  /** The checkpoint: `.pth`, `.pt` or `.safetensors`. */
  readonly load_model_from: FileLocation;
  /** The train config, as JSON. Default: what the checkpoint holds and its shapes tell. */
  readonly load_config_from?: FileLocation | null | undefined;
  /** Where in the checkpoint the model is. Default: found by the names of its tensors. */
  readonly state_dict_key?: string | readonly string[] | null | undefined;
  /** Which weights of the checkpoint: as trained, or their average. Default: those under `model`. */
  readonly weights?: "online" | "ema" | null | undefined;
}

/** The checkpoint of the prior, and how it is sampled by default. */
export interface PriorSource extends ModelSource {
  /** Sampling steps. Default: as the train config says. */
  readonly default_sample_timesteps?: number | null | undefined;
  /** Guidance scale. Default: 1, which is none. */
  readonly default_cond_scale?: number | null | undefined;
}

/** A checkpoint, and the U-Nets that are taken from it. */
export interface UnetSource extends ModelSource {
  /** Which U-Nets of the decoder, counted from 1. */
  readonly unet_numbers: readonly number[];
  /** Sampling steps of each of `unet_numbers`. Default, also for null: as the train config says. */
  readonly default_sample_timesteps?: readonly (number | null)[] | null | undefined;
  /** Guidance scale of each of `unet_numbers`. Default: 1, which is none. */
  readonly default_cond_scale?: readonly number[] | null | undefined;
}

/** The checkpoints of the decoder. */
export interface DecoderSource {
  /** Where the U-Nets are; together 1, 2, … each once. */
  readonly unet_sources: readonly UnetSource[];
  /** Computed by dalle2-laion, and not read. */
  readonly final_unet_number?: unknown;
}

/** The CLIP that encodes texts and images. */
export interface ClipSource {
  /** The library that it was made with. Default: `openai`. */
  readonly make: "openai" | "open_clip" | "x-clip" | "coca";
  /** Its name; OpenAI's are downloaded by it. Default: `ViT-L/14`. */
  readonly model: string;
  /** Arguments of its constructor. Default: null. */
  readonly base_model_kwargs: Readonly<Record<string, unknown>> | null;
  /** Its weights. Default: those saved along with the prior or the decoder, else OpenAI's by name. */
  readonly load_model_from?: FileLocation | null | undefined;
  /** Where in the checkpoint the model is. Default: found by the names of its tensors. */
  readonly state_dict_key?: string | readonly string[] | null | undefined;
}

/** A load config that was checked, defaults filled in; its keys are those of the JSON file. */
export interface ModelLoadConfigData {
  /** The schema of the file, for editors. */
  readonly $schema?: string | undefined;
  /** From image embeddings to images. */
  readonly decoder?: DecoderSource | null | undefined;
  /** From texts to image embeddings. */
  readonly prior?: PriorSource | null | undefined;
  /** The CLIP that encodes texts and images. */
  readonly clip?: ClipSource | null | undefined;
  /** Where models run: `cpu` is a software adapter, all others are the GPU; of a list the first counts. Default: `cuda:0`. */
  readonly devices: string | readonly string[];
  /** Without effect: weights are read piece by piece. Default: true. */
  readonly load_on_cpu: boolean;
  /** Whether tensors that are missing, unused or misshapen are an error rather than a warning. Default: true. */
  readonly strict_loading: boolean;
}
