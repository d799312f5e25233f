// Writes configs/load-config.schema.json from the zod schema of load configs in the last build.
//
//   npm run build && node scripts/generate-config-schema.js

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import prettier from "prettier";
import { loadConfigJsonSchema } from "../dist/config/json-schema.js";
import { currentSchema } from "../dist/pipeline/read-config.js";

const output = fileURLToPath(new URL("../configs/load-config.schema.json", import.meta.url));
const options = await prettier.resolveConfig(output);
writeFileSync(
  output,
  await prettier.format(JSON.stringify(loadConfigJsonSchema(currentSchema())), { ...options, filepath: output }),
);
