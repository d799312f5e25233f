import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

const platform = fileURLToPath(new URL("./src/platform/node.ts", import.meta.url));

/** The fixtures under Deno take the longest, mostly asleep: the other tests run beside them. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLong = ({ moduleId }: TestSpecification) => moduleId.endsWith("deno-fixtures.test.ts");
    const sorted = await super.sort(files);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

export default defineConfig({
  resolve: { alias: { "#platform": platform } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["test/support/generate.ts"],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    sequence: { sequencer: LongestFirst },
    // One GPU device per process; two cores. Forks keep a crash of a driver from taking the whole run down.
    pool: "forks",
    maxWorkers: 2,
  },
});
