// `npm run bench -- GROUP [options]` bundles and runs bench/main.ts, because Node 20 cannot run TypeScript. What it measures is the
// output of `npm run build`.

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const folder = `.cache/bench/${process.pid}`;
await build({
  entryPoints: ["bench/main.ts"],
  outdir: folder,
  bundle: true,
  splitting: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  logLevel: "warning",
});
const { status } = spawnSync(process.execPath, [`${folder}/main.js`, ...process.argv.slice(2)], { stdio: "inherit" });
rmSync(folder, { recursive: true });
process.exitCode = status ?? 1;
