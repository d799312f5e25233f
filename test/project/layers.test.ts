import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "layers-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Names of the rules that a tree of modules breaks, as `rule: module`. */
function check(modules: Readonly<Record<string, string>>): string[] {
  for (const [name, text] of Object.entries({ ...modules, "tsconfig.json": "{}" })) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  const cruise = join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs");
  const args = [cruise, "--config", join(root, ".dependency-cruiser.cjs"), "--output-type", "json", "src", "test"];
  const { stdout } = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8" });
  const report = JSON.parse(stdout) as { summary: { violations: { from: string; rule: { name: string } }[] } };
  return report.summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`).sort();
}

describe("layering rules", () => {
  it("fire on each kind of forbidden import and on nothing else", () => {
    const broken = check({
      "src/tensor/upward.ts": `import "../ops/fine.js";`,
      "src/ops/fine.ts": `import "../gpu/fine.js";`,
      "src/gpu/fine.ts": `import "../platform/fine.js";`,
      "src/platform/fine.ts": `import "node:fs";`,
      "src/gpu/node.ts": `import "node:fs"; import "./fine.js";`,
      "src/gpu/test.ts": `import "../../test/help.js";`,
      "src/nn/circle.ts": `import "./circle-back.js";`,
      "src/nn/circle-back.ts": `import "./circle.js";`,
      "src/nn/type.ts": `import "./type-back.js"; export type A = 1;`,
      "src/nn/type-back.ts": `import type { A } from "./type.js"; export type B = A;`,
      "src/misplaced/a.ts": `import "../gpu/fine.js";`,
      "src/cli/b.ts": `import "../misplaced/a.js"; import "./gone.js";`,
      "src/models/alone.ts": `export const left = "over";`,
      "test/help.ts": `import "../src/gpu/fine.js";`,
    });
    expect(broken).toEqual([
      "floor-cli: src/cli/b.ts",
      "floor-tensor: src/tensor/upward.ts",
      "floor-unknown: src/cli/b.ts",
      "no-circle: src/nn/circle-back.ts",
      "no-circle: src/nn/type-back.ts",
      "no-node-outside-platform: src/gpu/node.ts",
      "no-orphan: src/models/alone.ts",
      "resolvable: src/cli/b.ts",
      "src-stands-alone: src/gpu/test.ts",
    ]);
  });
});
