import { fileURLToPath } from "node:url";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const platform = fileURLToPath(new URL("./src/platform/node.ts", import.meta.url));
const requests = fileURLToPath(new URL("./src/requests.ts", import.meta.url));
const library = fileURLToPath(new URL("./src/index.ts", import.meta.url));

/** Tests of the app's logic, without a browser. */
const APP = "test/app/unit/**/*.test.ts";

/** The fixtures under Deno take the longest, mostly asleep: the other tests run beside them. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => moduleId.endsWith("deno-fixtures.test.ts");
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  resolve: { alias: { "#platform": platform, "dalle2-webgpu/requests": requests, "dalle2-webgpu": library } },
  test: {
    globalSetup: ["test/support/generate.ts", "test/support/run-folder.ts", "test/app/support/screenshots-page.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    // One GPU device per process; two cores. Forks keep a crash of a driver from taking the whole run down.
    pool: "forks",
    maxWorkers: 2,
    projects: [
      { extends: true, test: { name: "library", include: ["test/**/*.test.ts"], exclude: [APP] } },
      {
        extends: true,
        plugins: [svelte({ configFile: "web/svelte.config.js" })],
        // Svelte's state is alive in its build for browsers alone.
        resolve: { conditions: ["browser"] },
        test: { name: "app", include: [APP], environment: "happy-dom" },
      },
    ],
  },
});
