import { createReadStream, cpSync, existsSync, statSync } from "node:fs";
import { join, sep } from "node:path";
import type { Plugin } from "vite";

/** Options of `loadConfigs`. */
export interface LoadConfigsOptions {
  /** The folder `configs` of the package. */
  readonly folder: string;
  /** Where the built page finds it, as a URL from the page. */
  readonly url: string;
  /** Whether the built page has a copy beside it. */
  readonly isCopied: boolean;
}

/**
 * The load configs and the files of the included model: the development server has them, and a build may copy them. The page
 * reads their URL from its `<meta name="dalle2-configs">`, so that a host can keep them elsewhere.
 */
export function loadConfigs({ folder, url, isCopied }: LoadConfigsOptions): Plugin {
  return {
    name: "load-configs",
    transformIndexHtml: () => [{ tag: "meta", attrs: { name: "dalle2-configs", content: url }, injectTo: "head" }],
    configureServer(server) {
      server.middlewares.use("/configs", (request, response, next) => {
        const path = join(folder, decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
        if (!path.startsWith(folder + sep) || !existsSync(path) || !statSync(path).isFile()) {
          next();
          return;
        }
        createReadStream(path).pipe(response);
      });
    },
    writeBundle({ dir }) {
      if (!isCopied) return;
      cpSync(folder, join(dir!, "configs"), {
        recursive: true,
        filter: (path) => !/(\.md|\.schema\.json)$/.test(path),
      });
    },
  };
}
