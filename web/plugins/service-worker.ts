import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { build, type Plugin, type ResolvedConfig } from "vite";

/** A file that the service worker keeps. */
interface PrecachedFile {
  readonly url: string;
  /** Null if the name changes with the content. */
  readonly revision: string | null;
}

/**
 * Builds the service worker from `source` as `service-worker.js` beside the page. Its `PRECACHED_FILES` are all files of the build
 * but the load configs and models, which the library keeps.
 */
export function serviceWorker(source: string): Plugin {
  let config: ResolvedConfig;
  return {
    name: "service-worker",
    apply: "build",
    configResolved(resolved) {
      config = resolved;
    },
    // Not after a build that failed: nobody would see why.
    writeBundle: {
      order: "post",
      sequential: true,
      async handler() {
        const folder = config.build.outDir;
        await build({
          configFile: false,
          publicDir: false,
          logLevel: "warn",
          define: { PRECACHED_FILES: JSON.stringify(precachedFiles(folder)) },
          build: {
            target: config.build.target,
            outDir: folder,
            emptyOutDir: false,
            modulePreload: false,
            rolldownOptions: { input: source, output: { format: "iife", entryFileNames: "service-worker.js" } },
          },
        });
      },
    },
  };
}

function precachedFiles(folder: string): PrecachedFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)).replaceAll(sep, "/"))
    .filter((url) => !url.startsWith("configs/"))
    .sort()
    .map((url) => ({ url, revision: url.startsWith("assets/") ? null : hash(join(folder, url)) }));
}

function hash(path: string): string {
  return createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16);
}
