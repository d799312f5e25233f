// Bundles the command of the last build: a program of a few files starts in half the time of one of six hundred. Each command
// keeps a file of its own, which is loaded when it is named. The packages that it depends on stay outside.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

const { outputFiles } = await build({
  entryPoints: ["dist/cli/main.js"],
  // As deep in dist as each module: paths of files in the package are relative to it.
  outdir: "dist/cli",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  packages: "external",
  alias: { "#platform": "./dist/platform/node.js" },
  write: false,
});
rmSync("dist/cli", { recursive: true });
mkdirSync("dist/cli");
for (const { path, contents } of outputFiles) writeFileSync(path, contents);
