import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const platform = fileURLToPath(new URL("./src/platform/node.ts", import.meta.url));

export default defineConfig({
  resolve: { alias: { "#platform": platform } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/generate.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // One GPU device per process; two cores. Forks keep a crash of a driver from taking the whole run down.
    pool: "forks",
    maxWorkers: 2,
  },
});
