// npm install && npm run dev
import { cpSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { defineConfig } from "vite";

const library = dirname(fileURLToPath(import.meta.resolve("dalle2-webgpu/package.json")));
const folder = fileURLToPath(new URL(".", import.meta.url));

// The page fetches the included model from its own server: Vite copies what is in public/.
for (const name of ["shapes.json", "shapes"]) {
  cpSync(join(library, "configs", name), join(folder, "public/configs", name), { recursive: true });
}

export default defineConfig({
  root: folder,
  base: "./",
  build: { target: "es2022" },
  worker: { format: "es" },
  // The development server would move the library away from its worker.
  optimizeDeps: { exclude: ["dalle2-webgpu"] },
});
