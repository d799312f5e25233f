import { z } from "zod";
import { modelLoadConfig } from "./load-config-schema.js";

/**
 * The JSON Schema of load configs, by which editors complete and check them: configs/load-config.schema.json. Rules that
 * concern several fields are not in it.
 */
export function loadConfigJsonSchema(): object {
  return z.toJSONSchema(modelLoadConfig, {
    // What editors know best.
    target: "draft-7",
    io: "input",
    override: ({ jsonSchema }) => {
      // Every whole number has this limit; to name it tells nobody anything.
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
}
