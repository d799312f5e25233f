/** The load configs that come with this package, by their names: files in `configs`. */
export const CONFIG_FILES = {
  shapes: "shapes.json",
  "da-vinc-e": "laion/da-vinc-e.json",
  "decoder-1.5B": "laion/decoder-1.5B.json",
  "decoder-1.5B-laion2B": "laion/decoder-1.5B-laion2B.json",
  "decoder-2.4B-fp16": "laion/decoder-2.4B-fp16.json",
  "decoder-2B": "laion/decoder-2B.json",
  "decoder-3B-fp16": "laion/decoder-3B-fp16.json",
  gradio: "laion/gradio.json",
  "nousr-vit-h-14": "laion/nousr-vit-h-14.json",
  "prior-aesthetic": "laion/prior-aesthetic.json",
  upsampler: "laion/upsampler.json",
  "upsampler-1024": "laion/upsampler-1024.json",
  variation: "laion/variation.json",
} as const;

/** The name of a load config that comes with this package: `shapes` is the embedded model, the others are LAION's. */
export type ConfigName = keyof typeof CONFIG_FILES;

/** All names of load configs, `shapes` first. */
export const CONFIG_NAMES: readonly ConfigName[] = Object.keys(CONFIG_FILES) as ConfigName[];

/** Whether a text is the name of a load config. */
export function isConfigName(text: string): text is ConfigName {
  return Object.hasOwn(CONFIG_FILES, text);
}
