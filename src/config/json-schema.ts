import * as z from "zod/mini";

/**
 * The JSON Schema of load configs, for completion and checks in editors: configs/load-config.schema.json. It lacks rules
 * that concern several fields.
 */
export function loadConfigJsonSchema(schema: z.ZodMiniType): object {
  return z.toJSONSchema(schema, {
    // The draft that most editors support.
    target: "draft-7",
    io: "input",
    override: ({ jsonSchema }) => {
      // Every whole number has this limit, so it says nothing.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
}
