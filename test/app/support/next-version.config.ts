import { defineConfig, mergeConfig } from "vite";
import thisVersion from "../../../web/vite.config.js";

/** What the next version says beside its name. */
export const NEXT_NAME = "on WebGPU, next version";

/** The next version of the app: one of its components says something else. */
export default defineConfig((env) =>
  mergeConfig(thisVersion(env), {
    plugins: [
      {
        name: "next-version",
        enforce: "pre",
        transform: (code: string, id: string) =>
          id.endsWith("/shell/Header.svelte") ? code.replace("on WebGPU", NEXT_NAME) : undefined,
      },
    ],
  }),
);
