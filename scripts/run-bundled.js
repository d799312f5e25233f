// Bundles a program in TypeScript and runs it, because Node 20 cannot run TypeScript.

import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * Runs the program `entry`, a path in this repository, with the arguments of this process and its exit status. `alias` replaces
 * imports by their names. The bundle is inside the repository, so that packages are found, and is removed afterwards.
 */
export async function runBundled(entry, alias = {}) {
  process.chdir(root);
  // As deep as the programs of test/support are, which find files of the repository from where they are.
  const folder = `.cache/run-${process.pid}`;
  await build({
    entryPoints: { main: entry },
    outdir: folder,
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    alias,
    logLevel: "warning",
  });
  const { status } = spawnSync(process.execPath, [`${folder}/main.js`, ...process.argv.slice(2)], { stdio: "inherit" });
  rmSync(folder, { recursive: true });
  process.exitCode = status ?? 1;
}

/** Imports of the sources, where the package's own name for its platform leads to the last build. */
export const OF_SOURCES = { "#platform": "./src/platform/node.ts" };
