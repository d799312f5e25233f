/** A checked load config as plain types. Its keys are those of the JSON file (`configs/README.md`). */

/** The location of a file in a load config: a path on this machine, or a URL and where its download is kept. */
export interface FileLocation {
  /** `local`: a file by its path. `url`: a file to download. */
  readonly load_type: "local" | "url";
  /**
   * Path or URL. A relative path starts at the config. If that was opened by a path, what is not there is looked up in the working
   * directory, in browsers at the root of the origin private file system.
   */
  readonly path: string;
  /** URL of the file's checksum. URLs of the Hugging Face hub with `/resolve/` need none. */
  readonly checksum_file_path?: string | null | undefined;
  /** Folder for the download. Default: the user's cache. */
  readonly cache_dir?: string | null | undefined;
  /** Name of the download in `cache_dir`. Default: the last part of the URL. */
  readonly filename_override?: string | null | undefined;
}

/** A checkpoint, and how to read it. Model families add keys of their own. */
export interface ModelSource {
  /** The checkpoint: `.pth`, `.pt` or `.safetensors`. */
  readonly load_model_from: FileLocation;
  /** The train config, as JSON. Default: the one in the checkpoint, and options that its shapes determine. */
  readonly load_config_from?: FileLocation | null | undefined;
  /** Where the model is in the checkpoint. Default: found by the names of its tensors. */
  readonly state_dict_key?: string | readonly string[] | null | undefined;
  /** Which weights of the checkpoint: the trained ones, or their moving averages (EMA). Default: those under `model`. */
  readonly weights?: "online" | "ema" | null | undefined;
}

/** The checkpoint of the prior, and its default sampling options. */
export interface PriorSource extends ModelSource {
  /** Sampling steps. Default: those of the train config. */
  readonly default_sample_timesteps?: number | null | undefined;
  /** Guidance scale. Default: 1, no guidance. */
  readonly default_cond_scale?: number | null | undefined;
}

/** A checkpoint, and the U-Nets to take from it. */
export interface UnetSource extends ModelSource {
  /** Which U-Nets of the decoder, counted from 1. */
  readonly unet_numbers: readonly number[];
  /** Sampling steps for each of `unet_numbers`. Default, also for null: those of the train config. */
  readonly default_sample_timesteps?: readonly (number | null)[] | null | undefined;
  /** Guidance scale for each of `unet_numbers`. Default: 1, no guidance. */
  readonly default_cond_scale?: readonly number[] | null | undefined;
}

/** The checkpoints of the decoder. */
export interface DecoderSource {
  /** The sources of the U-Nets. Together they give U-Nets 1, 2, …, each exactly once. */
  readonly unet_sources: readonly UnetSource[];
  /** Computed by dalle2-laion; ignored here. */
  readonly final_unet_number?: unknown;
}

/** The CLIP that encodes texts and images. */
export interface ClipSource {
  /** The library that the CLIP model was made with. Default: `openai`. */
  readonly make: "openai" | "open_clip" | "x-clip" | "coca";
  /** The name of the model. OpenAI's models are downloaded by name. Default: `ViT-L/14`. */
  readonly model: string;
  /** Arguments of the constructor, or the published config. Default: null. */
  readonly base_model_kwargs: Readonly<Record<string, unknown>> | null;
  /** The weights. Default: those saved with the prior or the decoder, else OpenAI's by name. */
  readonly load_model_from?: FileLocation | null | undefined;
  /** Where the model is in the checkpoint. Default: found by the names of its tensors. */
  readonly state_dict_key?: string | readonly string[] | null | undefined;
}

/** The location of a folder of models in a load config. */
export interface FolderLocation extends Pick<FileLocation, "load_type" | "cache_dir"> {
  /** Path of the folder; or its URL, or the id of a repository on the hub. */
  readonly path: string;
}

/** The location of a folder of models, and of the folder that its prior is in. */
export interface PipelineLocation extends FolderLocation {
  /**
   * The folder that the prior and CLIP are taken from. Default: the same folder; for a decoder alone, as those of Kandinsky 2.2
   * are, the folder of its prior: beside it, or the one that its model card names.
   */
  readonly prior?: FolderLocation | null | undefined;
}

/** A checked load config with defaults filled in. Its keys are those of the JSON file. */
export interface ModelLoadConfigData {
  /** The schema of the file, for editors. */
  readonly $schema?: string | undefined;
  /** A folder of models in the layout of the diffusers library, in place of all others. */
  readonly pipeline?: PipelineLocation | null | undefined;
  /** From image embeddings to images. */
  readonly decoder?: DecoderSource | null | undefined;
  /** From texts to image embeddings. */
  readonly prior?: PriorSource | null | undefined;
  /** The CLIP that encodes texts and images. */
  readonly clip?: ClipSource | null | undefined;
  /**
   * Where models run: `cpu` is a software adapter, all others are the GPU. Of a list, the first counts. Default: `cuda:0`.
   */
  readonly devices: string | readonly string[];
  /** No effect: weights are always read in small parts. Default: true. */
  readonly load_on_cpu: boolean;
  /** If true, missing, unused or misshapen tensors are an error, else a warning. Default: true. */
  readonly strict_loading: boolean;
}
