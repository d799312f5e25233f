import * as z from "zod/mini";

/**
 * Our own entries beside `load_model_from` in a load config: the version of DALLE2-pytorch that made the checkpoint, and
 * single flags of its dialect if the version is not enough. The flags are checked when a checkpoint is opened
 * (overrides.ts).
 */
export const dialectEntries = {
  version: z
    .nullish(z.string().check(z.regex(/^v?\d+(?:\.\d+)*/, "expected a version of DALLE2-pytorch, such as 1.1.0")))
    .check(z.describe("The version of DALLE2-pytorch that made the checkpoint, if it does not contain its version.")),
  dialect: z
    .nullish(z.record(z.string(), z.union([z.string(), z.number()], { error: "expected a string or a number" })))
    .check(z.describe("Single flags of the checkpoint's dialect, if its version does not determine them.")),
};
