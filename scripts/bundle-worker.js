// Bundles the worker of the last build into one file, dist/browser-worker.js. A client starts it: by one request in pages
// without a bundler, and as a file of its own with one.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));

/**
 * The URL of a module of the build, two folders below the package as most of them: files of the package are relative to it. Some
 * bundlers replace the URL of a module by a path on the machine that builds; then it is taken from that of the worker.
 */
const MODULE_URL =
  'const here=import.meta.url,moduleUrl=new URL("./platform/browser.js",/^http/.test(here)?here:self.location.href).href;';

await build({
  entryPoints: ["dist/worker/main.js"],
  outfile: "dist/browser-worker.js",
  bundle: true,
  minify: true,
  format: "esm",
  platform: "browser",
  target: "es2022",
  charset: "utf8",
  alias: { "#platform": "./dist/platform/browser.js" },
  define: { "import.meta.url": "moduleUrl" },
  banner: { js: MODULE_URL },
});
// It exports nothing.
writeFileSync("dist/browser-worker.d.ts", "export {};\n");
