/** `preprocessor_config.json` of a `CLIPImageProcessor` in the transformers library (4.x), formerly `CLIPFeatureExtractor`. */
import * as z from "zod/mini";
import { knownKeys, never, only, type HarmlessKeys } from "../../../config/known-keys.js";

/** A side in pixels. The largest encoders of images take 378. */
const side = z.int().check(z.positive(), z.maximum(4096));
const flag = z._default(z.boolean(), true);
const perChannel = (value: z.ZodMiniNumber) => z.tuple([value, value, value]);

const sides = z.strictObject({ height: side, width: side });
/** The shorter side; the proportions stay. */
const shortestEdge = z.strictObject({ shortest_edge: side });

const HARMLESS: HarmlessKeys = {
  "its origin, and names of classes": [
    "_processor_class",
    "auto_map",
    "feature_extractor_type",
    "image_processor_type",
    "processor_class",
  ],
  "of calls, which unCLIP pipelines make in one way": [
    "_valid_processor_keys",
    "data_format",
    "device",
    "disable_grouping",
    "input_data_format",
    "return_tensors",
  ],
  "without effect on images without alpha": ["do_convert_rgb"],
};

/** Pillow's numbers of its filters: 1 LANCZOS, 2 BILINEAR, 3 BICUBIC. */
const resample = z.literal([1, 2, 3], {
  error: "expected 1 (LANCZOS), 2 (BILINEAR) or 3 (BICUBIC)",
});
export type Resample = z.output<typeof resample>;

export const imageProcessorConfig = knownKeys(
  {
    do_resize: flag,
    // Files of 2021 have plain numbers.
    size: z._default(
      z.union(
        [
          z.pipe(
            side,
            z.transform((size) => ({ shortest_edge: size })),
          ),
          shortestEdge,
          sides,
        ],
        {
          error: "expected a whole number, a shortest_edge, or a height and a width",
        },
      ),
      { shortest_edge: 224 },
    ),
    resample: z._default(resample, 3),
    do_center_crop: flag,
    crop_size: z._default(
      z.union(
        [
          z.pipe(
            side,
            z.transform((size) => ({ height: size, width: size })),
          ),
          sides,
        ],
        {
          error: "expected a whole number, or a height and a width",
        },
      ),
      { height: 224, width: 224 },
    ),
    do_rescale: flag,
    rescale_factor: z._default(z.number().check(z.positive()), 1 / 255),
    do_normalize: flag,
    image_mean: z._default(perChannel(z.number()), [0.48145466, 0.4578275, 0.40821073]),
    image_std: z._default(perChannel(z.number().check(z.positive())), [0.26862954, 0.26130258, 0.27577711]),
    do_pad: only(false, "padding"),
    use_square_size: only(false, "an old key of another model"),
    crop_pct: never("an option of another image processor"),
  },
  HARMLESS,
);
export type ImageProcessorConfig = z.output<typeof imageProcessorConfig>;
