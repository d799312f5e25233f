import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { contentSecurityPolicy } from "./plugins/content-security-policy.js";
import { loadConfigs } from "./plugins/load-configs.js";
import { serviceWorker } from "./plugins/service-worker.js";

const folder = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));

/**
 * `vite build web` makes a folder for any host. `--mode package` makes the one of the npm package, which has `configs` once, two
 * folders above the page.
 */
export default defineConfig(({ mode }) => ({
  root: folder,
  // For any folder of any host.
  base: "./",
  build: { target: "es2022", outDir: join(folder, "dist"), emptyOutDir: true },
  worker: { format: "es" },
  // The library that `npm run build` wrote. The development server would move it away from its worker.
  resolve: {
    alias: {
      "dalle2-webgpu/requests": join(root, "dist/requests.js"),
      "dalle2-webgpu": join(root, "dist/index.js"),
    },
  },
  optimizeDeps: { exclude: ["dalle2-webgpu", "dalle2-webgpu/requests"] },
  server: { fs: { allow: [root] } },
  plugins: [
    svelte(),
    loadConfigs({
      folder: join(root, "configs"),
      url: mode === "package" ? "../../configs/" : "configs/",
      isCopied: mode !== "package",
    }),
    contentSecurityPolicy(),
    serviceWorker(join(folder, "src/offline/service-worker.ts")),
  ],
}));
