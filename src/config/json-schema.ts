import { z } from "zod";

/**
 * The JSON Schema of load configs, by which editors complete and check them: configs/load-config.schema.json. Rules that
 * concern several fields are not in it.
 */
export function loadConfigJsonSchema(schema: z.ZodType): object {
  return z.toJSONSchema(schema, {
    // What editors know best.
    target: "draft-7",
    io: "input",
    override: ({ jsonSchema }) => {
      // Every whole number has this limit; to name it tells nobody anything.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
}
