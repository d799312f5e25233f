/**
 * The load config of LAION's dalle2-laion (dalle2_laion/config.py): which files form a model, and its default sampling
 * options. Our own extensions, all optional: `$schema`; `pipeline`; `clip.load_model_from`; beside a `load_model_from`: `weights`,
 * `state_dict_key` and the keys of model families; null in a decoder's `default_sample_timesteps`.
 *
 * configs/load-config.schema.json is generated from it (scripts/generate-config-schema.js), with its descriptions.
 */
import * as z from "zod";
import { device } from "./devices.js";
import { file, folder } from "./file-location.js";
import type { ModelLoadConfigData } from "./load-config-data.js";
import { checkDownloads, checkPerUnet, checkPipeline, checkUnetNumbers, MAX_ENTRIES } from "./load-config-rules.js";

const steps = z.int().positive();

const loadModelFrom = file.describe(
  "The checkpoint: .pth, .pt or .safetensors, of any version of DALLE2-pytorch; or a folder of models in the layout of the diffusers library, of which one is taken.",
);
const loadConfigFrom = file
  .nullish()
  .describe(
    "The train config, as JSON. Needed only if the checkpoint does not contain it and the shapes of its tensors leave options open.",
  );

const stateDictKey = z
  .union([z.string().min(1), z.array(z.string().min(1)).nonempty()], {
    error: "expected a key, such as state_dict.model, or a list of keys",
  })
  .nullish()
  .describe(
    "Where the model is in the checkpoint: keys of dicts and the prefix of its tensors' names, joined by dots or as a list. Default: found by the names of its tensors.",
  );

/** Keys that model families add beside `load_model_from`. */
export type FamilyKeys = Readonly<Record<string, z.ZodType>>;

/** Our own keys beside `load_model_from`. The keys of families have no types here: each family reads its own. */
const extensions = {
  state_dict_key: stateDictKey,
  weights: z
    .enum(["online", "ema"])
    .nullish()
    .describe(
      "Which weights of the checkpoint: the trained ones, or their moving averages (EMA). Default: those under `model`.",
    ),
};

const unetSource = (familyKeys: FamilyKeys) =>
  z
    .strictObject({
      unet_numbers: z
        .array(z.int().positive())
        .nonempty()
        .max(MAX_ENTRIES)
        .describe("Which U-Nets of the decoder to take from this source, counted from 1."),
      default_sample_timesteps: z
        .array(steps.nullable())
        .max(MAX_ENTRIES)
        .nullish()
        .describe("Sampling steps for each of unet_numbers. null: those of its train config."),
      default_cond_scale: z
        .array(z.number())
        .max(MAX_ENTRIES)
        .nullish()
        .describe("Guidance scale for each of unet_numbers. 1, the default, is no guidance."),
      load_model_from: loadModelFrom,
      load_config_from: loadConfigFrom,
      ...extensions,
      ...untyped(familyKeys),
    })
    .check(checkPerUnet)
    .meta({ id: "UnetSource", description: "A checkpoint, and the U-Nets to take from it." });

const decoderLoadConfig = (familyKeys: FamilyKeys) =>
  z
    .strictObject({
      unet_sources: z
        .array(unetSource(familyKeys))
        .nonempty()
        .max(MAX_ENTRIES)
        .describe("The sources of the U-Nets. Together they give U-Nets 1, 2, …, each exactly once."),
      final_unet_number: z.unknown().optional().describe("Computed by dalle2-laion; ignored here."),
    })
    .check(checkUnetNumbers);

const priorLoadConfig = (familyKeys: FamilyKeys) =>
  z.strictObject({
    default_sample_timesteps: steps.nullish().describe("Sampling steps. Default: those of the train config."),
    default_cond_scale: z.number().nullish().describe("Guidance scale. 1, the default, is no guidance."),
    load_model_from: loadModelFrom,
    load_config_from: loadConfigFrom,
    ...extensions,
    ...untyped(familyKeys),
  });

const clipLoadConfig = z.strictObject({
  make: z
    .enum(["openai", "open_clip", "x-clip", "coca"])
    .default("openai")
    .describe("The library that the CLIP model was made with."),
  model: z.string().default("ViT-L/14").describe("The name of the model. OpenAI's models are downloaded by name."),
  base_model_kwargs: z
    .record(z.string(), z.unknown())
    .nullable()
    .default(null)
    .describe(
      "For x-clip and coca: arguments of the constructor. For openai and open_clip: the published config.json or open_clip_config.json, which is also read if it is beside load_model_from.",
    ),
  load_model_from: file
    .nullish()
    .describe("The weights. Default: those saved with the prior or the decoder, else OpenAI's by name."),
  state_dict_key: stateDictKey,
});

/**
 * The schema of load configs, with these keys for model families.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/config.py#L125-L199
 */
export const loadConfigSchema = (familyKeys: FamilyKeys): z.ZodType<ModelLoadConfigData> =>
  z
    .strictObject({
      $schema: z.string().optional().describe("The schema of this file, for editors."),
      pipeline: folder
        .nullish()
        .describe(
          "A folder of models in the layout of the diffusers library, with a model_index.json. It takes the place of decoder, prior and clip.",
        ),
      decoder: decoderLoadConfig(familyKeys).nullish().describe("From image embeddings to images."),
      prior: priorLoadConfig(familyKeys).nullish().describe("From texts to image embeddings."),
      clip: clipLoadConfig.nullish().describe("The CLIP that encodes texts and images."),
      devices: z
        .union([device, z.array(device).nonempty().max(MAX_ENTRIES)], {
          error: "expected a device name or a list of device names",
        })
        .default("cuda:0")
        .describe(
          'Where models run. "cpu" is a software adapter. All other devices are the GPU, or a software adapter if there is none. Of a list, the first counts.',
        ),
      load_on_cpu: z.boolean().default(true).describe("No effect: weights are always read in small parts."),
      strict_loading: z
        .boolean()
        .default(true)
        .describe("If true, missing, unused or misshapen tensors are an error, else a warning."),
    })
    .check(checkDownloads, checkPipeline)
    .meta({
      title: "Load config",
      description: "The files of a DALL·E 2 model, and its default sampling options.",
    });

function untyped(keys: FamilyKeys): object {
  return keys;
}
