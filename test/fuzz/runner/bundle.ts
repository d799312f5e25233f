import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { build } from "esbuild";

/** Bundles the processes that run inputs, because Node 20 does not run TypeScript. */
export interface WorkerBundle extends AsyncDisposable {
  /** The script to start. */
  readonly script: string;
}

/** Bundles the worker from the current sources. The working directory must be the repository. */
export async function bundleWorker(): Promise<WorkerBundle> {
  // Inside the repository, so that packages are found.
  await mkdir(".cache", { recursive: true });
  const folder = await mkdtemp(join(process.cwd(), ".cache", "fuzz-"));
  await build({
    entryPoints: ["test/fuzz/runner/worker.ts", "test/fuzz/runner/watchdog.ts"],
    outdir: folder,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    alias: { "#platform": "./src/platform/node.ts" },
    sourcemap: true,
    logLevel: "silent",
  });
  return {
    script: join(folder, "worker.js"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
