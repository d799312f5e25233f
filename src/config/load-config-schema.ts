/**
 * The load config of LAION's dalle2-laion (dalle2_laion/config.py): which files make up a model, and how it is sampled by
 * default. Extensions of ours, none of which is ever needed: `$schema`; `clip.load_model_from`; `weights`, `state_dict_key` and
 * the keys of families of models beside a model's `load_model_from`; null among a decoder's `default_sample_timesteps`.
 *
 * configs/load-config.schema.json is made of it (scripts/generate-config-schema.js), descriptions included.
 */
import { z } from "zod";
import { device } from "./devices.js";
import { file } from "./file-location.js";
import type { ModelLoadConfigData } from "./load-config-data.js";
import { checkDownloads, checkPerUnet, checkUnetNumbers, MAX_ENTRIES } from "./load-config-rules.js";

const steps = z.int().positive();

const loadModelFrom = file.describe("The checkpoint: .pth, .pt or .safetensors, of any version of DALLE2-pytorch.");
const loadConfigFrom = file
  .nullish()
  .describe("The train config, as JSON. Needed only where the checkpoint does not hold it and shapes do not tell all.");

const stateDictKey = z
  .union([z.string().min(1), z.array(z.string().min(1)).nonempty()], {
    error: "expected a key, such as state_dict.model, or a list of keys",
  })
  .nullish()
  .describe(
    "Where in the checkpoint the model is: keys of dicts and what its tensors' names begin with, with dots between or as a list. Default: found by its names.",
  );

/** Keys that families of models bring along, for beside `load_model_from`. */
export type FamilyKeys = Readonly<Record<string, z.ZodType>>;

/** Entries of ours beside `load_model_from`. What families add has no types here: each reads its own. */
const extensions = {
  state_dict_key: stateDictKey,
  weights: z
    .enum(["online", "ema"])
    .nullish()
    .describe("Which weights of the checkpoint: as trained, or their average. Default: those under `model`."),
};

const unetSource = (familyKeys: FamilyKeys) =>
  z
    .strictObject({
      unet_numbers: z
        .array(z.int().positive())
        .nonempty()
        .max(MAX_ENTRIES)
        .describe("Which U-Nets of the decoder are taken from this source, counted from 1."),
      default_sample_timesteps: z
        .array(steps.nullable())
        .max(MAX_ENTRIES)
        .nullish()
        .describe("Sampling steps of each of unet_numbers; null: as its train config says."),
      default_cond_scale: z
        .array(z.number())
        .max(MAX_ENTRIES)
        .nullish()
        .describe("Guidance of each of unet_numbers; 1, the default, is none."),
      load_model_from: loadModelFrom,
      load_config_from: loadConfigFrom,
      ...extensions,
      ...untyped(familyKeys),
    })
    .check(checkPerUnet)
    .meta({ id: "UnetSource", description: "A checkpoint, and the U-Nets that are taken from it." });

const decoderLoadConfig = (familyKeys: FamilyKeys) =>
  z
    .strictObject({
      unet_sources: z
        .array(unetSource(familyKeys))
        .nonempty()
        .max(MAX_ENTRIES)
        .describe("Where the U-Nets are; together 1, 2, … each once."),
      final_unet_number: z.unknown().optional().describe("Computed by dalle2-laion, and not read."),
    })
    .check(checkUnetNumbers);

const priorLoadConfig = (familyKeys: FamilyKeys) =>
  z.strictObject({
    default_sample_timesteps: steps.nullish().describe("Sampling steps. Default: as the train config says."),
    default_cond_scale: z.number().nullish().describe("Guidance; 1, the default, is none."),
    load_model_from: loadModelFrom,
    load_config_from: loadConfigFrom,
    ...extensions,
    ...untyped(familyKeys),
  });

const clipLoadConfig = z.strictObject({
  make: z
    .enum(["openai", "open_clip", "x-clip", "coca"])
    .default("openai")
    .describe("The library that it was made with."),
  model: z.string().default("ViT-L/14").describe("Its name; OpenAI's are downloaded by it."),
  base_model_kwargs: z
    .record(z.string(), z.unknown())
    .nullable()
    .default(null)
    .describe(
      "Arguments of its constructor, for x-clip and coca. For openai and open_clip its published config.json or open_clip_config.json, which is also read where it lies beside load_model_from.",
    ),
  load_model_from: file
    .nullish()
    .describe("Its weights. Default: those saved along with the prior or the decoder, else OpenAI's by name."),
  state_dict_key: stateDictKey,
});

/**
 * The schema of load configs, in which families of models have these keys of their own.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/config.py#L125-L199
 */
export const loadConfigSchema = (familyKeys: FamilyKeys): z.ZodType<ModelLoadConfigData> =>
  z
    .strictObject({
      $schema: z.string().optional().describe("The schema of this file, for editors."),
      decoder: decoderLoadConfig(familyKeys).nullish().describe("From image embeddings to images."),
      prior: priorLoadConfig(familyKeys).nullish().describe("From texts to image embeddings."),
      clip: clipLoadConfig.nullish().describe("The CLIP that encodes texts and images."),
      devices: z
        .union([device, z.array(device).nonempty().max(MAX_ENTRIES)], {
          error: "expected the name of a device, or a list of such names",
        })
        .default("cuda:0")
        .describe(
          'Where models run: "cpu" is a software adapter; all other devices are the GPU, or a software adapter where there is none. Of a list the first counts.',
        ),
      load_on_cpu: z.boolean().default(true).describe("Without effect: weights are read piece by piece."),
      strict_loading: z
        .boolean()
        .default(true)
        .describe("Whether tensors that are missing, unused or misshapen are an error rather than a warning."),
    })
    .check(checkDownloads)
    .meta({
      title: "Load config",
      description: "Which files make up a DALL·E 2 model, and how it is sampled by default.",
    });

function untyped(keys: FamilyKeys): object {
  return keys;
}
