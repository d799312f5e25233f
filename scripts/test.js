// `npm test`: makes sure that WebGPU has an adapter, then lint, types, layering, docstrings, what nothing uses, the package
// and the tests. The last line counts everything: `N passed, N failed`, where each step before the tests counts as one.
// Arguments go to vitest: `npm test -- test/cli`.

import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const count = { passed: 0, failed: 0, skipped: 0 };

/** Runs a program to its end, its output shown; true when it succeeded. */
function run(program, args) {
  // On Windows npm is a script, which only a shell can start.
  const { status, error } = spawnSync(program, args, { stdio: "inherit", shell: process.platform === "win32" });
  if (error) console.error(error.message);
  return status === 0;
}

function step(name, program, args) {
  console.log(`\n# ${name}`);
  if (run(program, args)) {
    count.passed++;
  } else {
    count.failed++;
    console.error(`# ${name} failed`);
  }
}

function runVitest() {
  const folder = mkdtempSync(join(tmpdir(), "dalle2-test-"));
  const report = join(folder, "report.json");
  console.log("\n# tests");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const succeeded = run("npx", ["vitest", "run", ...reporters, ...process.argv.slice(2)]);
  const failedBefore = count.failed;
  try {
    for (const file of JSON.parse(readFileSync(report, "utf8")).testResults) countFile(file);
  } catch (error) {
    console.error(`vitest wrote no report: ${error.message}`);
  }
  rmSync(folder, { recursive: true, force: true });
  // A crash of the runner or an error outside of any test fails the run without failing a test.
  if (!succeeded && count.failed === failedBefore) count.failed++;
}

function countFile({ status, assertionResults: tests }) {
  const having = (...statuses) => tests.filter((test) => statuses.includes(test.status)).length;
  count.passed += having("passed");
  count.failed += having("failed");
  count.skipped += having("skipped", "pending", "todo", "disabled");
  // A file that could not be loaded, or whose set-up failed, has no failed test of its own.
  if (status === "failed" && having("failed") === 0) count.failed++;
}

step("build", "npm", ["run", "--silent", "build"]);
step("adapter", process.execPath, ["dist/cli/main.js", "setup"]);
step("lint", "npm", ["run", "--silent", "lint"]);
step("types", "npm", ["run", "--silent", "typecheck"]);
step("layers", "npm", ["run", "--silent", "layers"]);
step("docs", "npm", ["run", "--silent", "docs", "--", "--emit", "none"]);
step("unused", "npm", ["run", "--silent", "unused"]);
step("package", "npm", ["run", "--silent", "package"]);
runVitest();

if (count.skipped > 0) console.log(`${count.skipped} skipped`);
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed > 0 ? 1 : 0;
