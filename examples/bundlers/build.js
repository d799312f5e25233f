// Builds page.js with esbuild, Rollup, Vite and webpack, and prints how much a browser downloads: with the page, and if it
// uses everything, as gzip sends it.
//
//   npm install && npm run build [bundler …]

import { mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const folder = fileURLToPath(new URL(".", import.meta.url));
process.chdir(folder);

/**
 * Each builds page.js into a folder and returns the file to start with. esbuild and webpack must not read the repository's
 * tsconfig.json: in a clone it leads them to the sources of the library.
 */
const BUNDLERS = {
  async esbuild(outdir) {
    const { build } = await import("esbuild");
    const format = { format: "esm", target: "es2022", charset: "utf8", minify: true };
    await build({ entryPoints: ["page.js"], outdir, bundle: true, splitting: true, tsconfigRaw: {}, ...format });
    return join(outdir, "page.js");
  },
  async rollup(dir) {
    const { rollup } = await import("rollup");
    const { nodeResolve } = await import("@rollup/plugin-node-resolve");
    const { default: terser } = await import("@rollup/plugin-terser");
    const bundle = await rollup({ input: "page.js", plugins: [nodeResolve({ browser: true }), terser()] });
    await bundle.write({ dir, format: "es" });
    return join(dir, "page.js");
  },
  async vite(outDir) {
    const { build } = await import("vite");
    const target = "es2022";
    await build({ root: folder, logLevel: "warn", base: "./", build: { outDir, target, modulePreload: false } });
    const assets = join(outDir, "assets");
    return join(
      assets,
      readdirSync(assets).find((name) => /^index-.*\.js$/.test(name)),
    );
  },
  async webpack(path) {
    const { default: webpack } = await import("webpack");
    const output = { path: join(folder, path), publicPath: "auto" };
    const stats = await new Promise((resolve, reject) => {
      const done = (error, result) => (error ? reject(error) : resolve(result));
      webpack(
        { mode: "production", entry: "./page.js", output, performance: false, resolve: { tsconfig: false } },
        done,
      );
    });
    if (stats.hasErrors()) throw new Error(stats.toString("errors-only"));
    return join(path, "main.js");
  },
};

const gzipped = (file) => gzipSync(readFileSync(file), { level: 9 }).length;
const total = (files) => [...files].reduce((sum, file) => sum + gzipped(file), 0);

/** A module, and those that it imports at once. */
function atOnce(entry, found = new Set()) {
  if (found.has(entry)) return found;
  found.add(entry);
  for (const [, path] of readFileSync(entry, "utf8").matchAll(/\b(?:from|import)\s*["'](\.[^"']+)["']/g)) {
    atOnce(join(dirname(entry), path), found);
  }
  return found;
}

const names = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(BUNDLERS);
console.log("bundler | at once | all | files\n--- | --- | --- | ---");
for (const name of names) {
  const outdir = join("dist", name);
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  const entry = await BUNDLERS[name](outdir);
  const scripts = readdirSync(outdir, { recursive: true }).filter((file) => file.endsWith(".js"));
  const all = total(scripts.map((file) => join(outdir, file)));
  const sizes = [total(atOnce(entry)), all].map((bytes) => `${(bytes / 1000).toFixed(1)} kB`);
  console.log([basename(name), ...sizes, scripts.length].join(" | "));
}
