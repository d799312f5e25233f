// node weights-tools/convert.js IN OUT.safetensors [--f16] [--sparse-rows NAME]...
//
// Converts a checkpoint with the built package (`npm run build`). `--sparse-rows` stores a table, such as the token
// embedding of a model that knows few words, by the rows that are not zero.
import { convertCheckpoint } from "../dist/weights/convert.js";
import { openCheckpoint } from "../dist/weights/checkpoint.js";
import { openFile, writeFileAtomic } from "../dist/platform/node.js";
import { parseArgs } from "node:util";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { f16: { type: "boolean" }, "sparse-rows": { type: "string", multiple: true } },
});
const [input, output] = positionals;
if (!input || !output) {
  console.error("usage: node weights-tools/convert.js IN OUT.safetensors [--f16] [--sparse-rows NAME]...");
  process.exit(2);
}
const checkpoint = await openCheckpoint(await openFile(input));
await writeFileAtomic(
  output,
  convertCheckpoint(checkpoint, { dtype: values.f16 ? "f16" : undefined, sparseRows: values["sparse-rows"] ?? [] }),
);
await checkpoint.close();
