import * as z from "zod/mini";

/** The makes of CLIPs: the libraries that made them. */
export const CLIP_MAKES = ["openai", "open_clip", "x-clip", "coca"] as const;

/** A field that may be missing or null, both of which mean `value`. */
function withDefault<Schema extends z.ZodMiniType>(schema: Schema, value: z.output<Schema>) {
  return z.pipe(
    z.nullish(schema),
    z.transform((given): z.output<Schema> => given ?? value),
  );
}

/** Which CLIP a model was trained with (DALLE2-pytorch's AdapterConfig, which ignores other keys). */
export const adapterConfig = z.looseObject({
  make: withDefault(z.enum(CLIP_MAKES), "openai"),
  model: withDefault(z.string(), "ViT-L/14"),
  base_model_kwargs: z.pipe(
    z.nullish(z.record(z.string(), z.unknown())),
    z.transform((given) => given ?? null),
  ),
});
export type AdapterConfig = z.output<typeof adapterConfig>;
