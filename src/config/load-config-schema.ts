/**
 * The load config of LAION's dalle2-laion (dalle2_laion/config.py): which files form a model, and its default sampling
 * options. Our own extensions, all optional: `$schema`; `pipeline`; `clip.load_model_from`; beside a `load_model_from`: `weights`,
 * `state_dict_key` and the keys of model families; null in a decoder's `default_sample_timesteps`.
 *
 * configs/load-config.schema.json is generated from it (scripts/generate-config-schema.js), with its descriptions.
 */
import * as z from "zod/mini";
import { device } from "./devices.js";
import { file, pipelineFolder } from "./file-location.js";
import type { ModelLoadConfigData } from "./load-config-data.js";
import { checkDownloads, checkPerUnet, checkPipeline, checkUnetNumbers, MAX_ENTRIES } from "./load-config-rules.js";

const steps = z.int().check(z.positive());

const loadModelFrom = file.check(
  z.describe(
    "The checkpoint: .pth, .pt or .safetensors, of any version of DALLE2-pytorch; or a folder of models in the layout of the diffusers library, of which one is taken.",
  ),
);
const loadConfigFrom = z
  .nullish(file)
  .check(
    z.describe(
      "The train config, as JSON. Needed only if the checkpoint does not contain it and the shapes of its tensors leave options open.",
    ),
  );

const stateDictKey = z
  .nullish(
    z.union([z.string().check(z.minLength(1)), z.array(z.string().check(z.minLength(1))).check(z.minLength(1))], {
      error: "expected a key, such as state_dict.model, or a list of keys",
    }),
  )
  .check(
    z.describe(
      "Where the model is in the checkpoint: keys of dicts and the prefix of its tensors' names, joined by dots or as a list. Default: found by the names of its tensors.",
    ),
  );

/** Keys that model families add beside `load_model_from`. */
export type FamilyKeys = Readonly<Record<string, z.ZodMiniType>>;

/** Our own keys beside `load_model_from`. The keys of families have no types here: each family reads its own. */
const extensions = {
  state_dict_key: stateDictKey,
  weights: z
    .nullish(z.enum(["online", "ema"]))
    .check(
      z.describe(
        "Which weights of the checkpoint: the trained ones, or their moving averages (EMA). Default: those under `model`.",
      ),
    ),
};

const unetSource = (familyKeys: FamilyKeys) =>
  z
    .strictObject({
      unet_numbers: z
        .array(z.int().check(z.positive()))
        .check(
          z.minLength(1),
          z.maxLength(MAX_ENTRIES),
          z.describe("Which U-Nets of the decoder to take from this source, counted from 1."),
        ),
      default_sample_timesteps: z
        .nullish(z.array(z.nullable(steps)).check(z.maxLength(MAX_ENTRIES)))
        .check(z.describe("Sampling steps for each of unet_numbers. null: those of its train config.")),
      default_cond_scale: z
        .nullish(z.array(z.number()).check(z.maxLength(MAX_ENTRIES)))
        .check(z.describe("Guidance scale for each of unet_numbers. 1, the default, is no guidance.")),
      load_model_from: loadModelFrom,
      load_config_from: loadConfigFrom,
      ...extensions,
      ...untyped(familyKeys),
    })
    .check(checkPerUnet)
    .register(z.globalRegistry, { id: "UnetSource", description: "A checkpoint, and the U-Nets to take from it." });

const decoderLoadConfig = (familyKeys: FamilyKeys) =>
  z
    .strictObject({
      unet_sources: z
        .array(unetSource(familyKeys))
        .check(
          z.minLength(1),
          z.maxLength(MAX_ENTRIES),
          z.describe("The sources of the U-Nets. Together they give U-Nets 1, 2, …, each exactly once."),
        ),
      final_unet_number: z.optional(z.unknown()).check(z.describe("Computed by dalle2-laion; ignored here.")),
    })
    .check(checkUnetNumbers);

const priorLoadConfig = (familyKeys: FamilyKeys) =>
  z.strictObject({
    default_sample_timesteps: z.nullish(steps).check(z.describe("Sampling steps. Default: those of the train config.")),
    default_cond_scale: z.nullish(z.number()).check(z.describe("Guidance scale. 1, the default, is no guidance.")),
    load_model_from: loadModelFrom,
    load_config_from: loadConfigFrom,
    ...extensions,
    ...untyped(familyKeys),
  });

const clipLoadConfig = z.strictObject({
  make: z
    ._default(z.enum(["openai", "open_clip", "x-clip", "coca"]), "openai")
    .check(z.describe("The library that the CLIP model was made with.")),
  model: z
    ._default(z.string(), "ViT-L/14")
    .check(z.describe("The name of the model. OpenAI's models are downloaded by name.")),
  base_model_kwargs: z
    ._default(z.nullable(z.record(z.string(), z.unknown())), null)
    .check(
      z.describe(
        "For x-clip and coca: arguments of the constructor. For openai and open_clip: the published config.json or open_clip_config.json, which is also read if it is beside load_model_from.",
      ),
    ),
  load_model_from: z
    .nullish(file)
    .check(z.describe("The weights. Default: those saved with the prior or the decoder, else OpenAI's by name.")),
  state_dict_key: stateDictKey,
});

/**
 * The schema of load configs, with these keys for model families.
 * @see https://github.com/LAION-AI/dalle2-laion/blob/d4ac5ffa3e24ac6efb133cc7ec8a7303481aa2fc/dalle2_laion/config.py#L125-L199
 */
export const loadConfigSchema = (familyKeys: FamilyKeys): z.ZodMiniType<ModelLoadConfigData> =>
  z
    .strictObject({
      $schema: z.optional(z.string()).check(z.describe("The schema of this file, for editors.")),
      pipeline: z
        .nullish(pipelineFolder)
        .check(
          z.describe(
            "A folder of models in the layout of the diffusers library, with a model_index.json. It takes the place of decoder, prior and clip.",
          ),
        ),
      decoder: z.nullish(decoderLoadConfig(familyKeys)).check(z.describe("From image embeddings to images.")),
      prior: z.nullish(priorLoadConfig(familyKeys)).check(z.describe("From texts to image embeddings.")),
      clip: z.nullish(clipLoadConfig).check(z.describe("The CLIP that encodes texts and images.")),
      devices: z
        ._default(
          z.union([device, z.array(device).check(z.minLength(1), z.maxLength(MAX_ENTRIES))], {
            error: "expected a device name or a list of device names",
          }),
          "cuda:0",
        )
        .check(
          z.describe(
            'Where models run. "cpu" is a software adapter. All other devices are the GPU, or a software adapter if there is none. Of a list, the first counts.',
          ),
        ),
      load_on_cpu: z
        ._default(z.boolean(), true)
        .check(z.describe("No effect: weights are always read in small parts.")),
      strict_loading: z
        ._default(z.boolean(), true)
        .check(z.describe("If true, missing, unused or misshapen tensors are an error, else a warning.")),
    })
    .check(checkDownloads, checkPipeline)
    .register(z.globalRegistry, {
      title: "Load config",
      description: "The files of a DALL·E 2 model, and its default sampling options.",
    });

function untyped(keys: FamilyKeys): object {
  return keys;
}
