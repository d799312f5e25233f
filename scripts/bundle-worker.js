// Bundles the worker of the last build into one file, dist/browser-worker.js: pages without a bundler load it by one request, and
// pages with one find it beside the library's own file.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

await build({
  entryPoints: ["dist/worker/main.js"],
  outfile: "dist/browser-worker.js",
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  alias: { "#platform": "./dist/platform/browser.js" },
});
// It exports nothing.
writeFileSync("dist/browser-worker.d.ts", "export {};\n");
