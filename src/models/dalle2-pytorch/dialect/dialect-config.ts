import { z } from "zod";

/**
 * Entries beside `load_model_from` in a load config, extensions of ours: which version of DALLE2-pytorch made the
 * checkpoint, and single flags of its dialect where that is not enough. The flags are checked when a checkpoint is read
 * (overrides.ts).
 */
export const dialectEntries = {
  version: z
    .string()
    .regex(/^v?\d+(?:\.\d+)*/, "expected a version of DALLE2-pytorch, such as 1.1.0")
    .nullish()
    .describe("The version of DALLE2-pytorch that made the checkpoint, where it does not say so itself."),
  dialect: z
    .record(z.string(), z.union([z.string(), z.number()], { error: "expected a string or a number" }))
    .nullish()
    .describe("Single flags of the checkpoint's dialect, where its version does not tell them."),
};
