import { createReadStream, cpSync, existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig, type Plugin } from "vite";

const folder = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));

/** Load configs of the package and the files of the included model: served as they are, and copied beside a built page. */
function loadConfigs(): Plugin {
  return {
    name: "load-configs",
    configureServer(server) {
      server.middlewares.use("/configs", (request, response, next) => {
        const path = join(
          root,
          "configs",
          decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname),
        );
        if (!path.startsWith(join(root, "configs")) || !existsSync(path) || !statSync(path).isFile()) {
          next();
          return;
        }
        createReadStream(path).pipe(response);
      });
    },
    writeBundle({ dir }) {
      cpSync(join(root, "configs"), join(dir!, "configs"), {
        recursive: true,
        filter: (path) => !/(\.md|\.schema\.json)$/.test(path),
      });
    },
  };
}

export default defineConfig({
  root: folder,
  // For any folder of any host.
  base: "./",
  build: { target: "es2022", outDir: join(folder, "dist"), emptyOutDir: true },
  worker: { format: "es" },
  // The library that `npm run build` wrote. The development server would move it away from its worker.
  resolve: { alias: { "dalle2-webgpu": join(root, "dist/index.js") } },
  optimizeDeps: { exclude: ["dalle2-webgpu"] },
  server: { fs: { allow: [root] } },
  plugins: [svelte(), loadConfigs()],
});
