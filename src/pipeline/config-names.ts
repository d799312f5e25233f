/**
 * Names of the load configs in this package: `shapes` is the included model; `kandinsky…`, `karlo…` and `stable-unclip…` are those of
 * folders on the Hugging Face hub; the others are LAION's.
 */
export const CONFIG_NAMES = [
  "shapes",
  "da-vinc-e",
  "decoder-1.5B",
  "decoder-1.5B-laion2B",
  "decoder-2.4B-fp16",
  "decoder-2B",
  "decoder-3B-fp16",
  "gradio",
  "kandinsky-2.2",
  "kandinsky-2.2-depth",
  "kandinsky-2.2-inpaint",
  "karlo",
  "karlo-image-variations",
  "nousr-vit-h-14",
  "prior-aesthetic",
  "stable-unclip",
  "stable-unclip-small",
  "stable-unclip-t2i-l",
  "upsampler",
  "upsampler-1024",
  "variation",
] as const;

/** Name of a load config in this package, one of `CONFIG_NAMES`. */
export type ConfigName = (typeof CONFIG_NAMES)[number];

/** Names of the included model, and of folders on the hub. */
const IN_CONFIGS = /^(?:shapes$|kandinsky|karlo|stable-unclip)/;

/** Tells whether a text is the name of a load config. */
export function isConfigName(text: string): text is ConfigName {
  return (CONFIG_NAMES as readonly string[]).includes(text);
}

/** Returns the path of a named load config in the package. */
export function configPath(name: ConfigName): string {
  return IN_CONFIGS.test(name) ? `configs/${name}.json` : `configs/laion/${name}.json`;
}
