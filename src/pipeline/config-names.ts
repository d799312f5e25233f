/** Names of the load configs in this package: `shapes` is the included model, the others are LAION's. */
export const CONFIG_NAMES = [
  "shapes",
  "da-vinc-e",
  "decoder-1.5B",
  "decoder-1.5B-laion2B",
  "decoder-2.4B-fp16",
  "decoder-2B",
  "decoder-3B-fp16",
  "gradio",
  "nousr-vit-h-14",
  "prior-aesthetic",
  "upsampler",
  "upsampler-1024",
  "variation",
] as const;

/** Name of a load config in this package, one of `CONFIG_NAMES`. */
export type ConfigName = (typeof CONFIG_NAMES)[number];

/** Tells whether a text is the name of a load config. */
export function isConfigName(text: string): text is ConfigName {
  return (CONFIG_NAMES as readonly string[]).includes(text);
}

/** Returns the path of a named load config in the package. */
export function configPath(name: ConfigName): string {
  return name === "shapes" ? "configs/shapes.json" : `configs/laion/${name}.json`;
}
