// Writes the git-ignored generated modules: the kernels, the tokenizer's vocabulary and the version of the package.

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

for (const name of ["generate-kernels.js", "generate-vocabulary.js", "generate-version.js"]) {
  const script = fileURLToPath(new URL(name, import.meta.url));
  if (!existsSync(script)) continue;
  const { status } = spawnSync(process.execPath, [script], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
