// `npm run stress -- NAME [options]` bundles and runs test/server/stress/main.ts, because Node 20 cannot run TypeScript.

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const outfile = join(root, ".cache", "stress", `main-${process.pid}.js`);
await build({
  entryPoints: ["test/server/stress/main.ts"],
  outfile,
  bundle: true,
  packages: "external",
  platform: "node",
  format: "esm",
  target: "node20",
  alias: { "#platform": "./src/platform/node.ts" },
  logLevel: "warning",
});
const { status } = spawnSync(process.execPath, [outfile, ...process.argv.slice(2)], { stdio: "inherit" });
rmSync(outfile);
process.exitCode = status ?? 1;
