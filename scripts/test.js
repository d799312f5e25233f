// `npm test`: makes sure that WebGPU has an adapter, then checks lint, types, layers, docstrings, unused code and the
// package, and runs the tests. The last line counts everything: `N passed, N failed`. Each step before the tests counts
// as one. Arguments are passed to vitest: `npm test -- test/cli`.

import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);
const count = { passed: 0, failed: 0, skipped: 0 };

/** Runs a program and shows its output. Returns true if it succeeded. */
function run(program, args) {
  // On Windows npm is a script, which only a shell can start.
  const { status, error } = spawnSync(program, args, { stdio: "inherit", shell: process.platform === "win32" });
  if (error) console.error(error.message);
  return status === 0;
}

/** Counts a step. */
function countStep(name, succeeded) {
  if (succeeded) {
    count.passed++;
  } else {
    count.failed++;
    console.error(`# ${name} failed`);
  }
}

/** A step that the next ones need. */
function step(name, program, args) {
  console.log(`\n# ${name}`);
  countStep(name, run(program, args));
}

/** Runs a script of package.json beside others. Resolves once its output is shown, at its end, under its name. */
function stepBeside([name, script, ...args]) {
  const child = spawn("npm", ["run", "--silent", script, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    shell: process.platform === "win32",
  });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => output.push(bytes));
  // It is followed by "close".
  child.once("error", ({ message }) => output.push(Buffer.from(`${message}\n`)));
  return new Promise((resolve) => {
    child.once("close", (status) => {
      process.stdout.write(`\n# ${name}\n${Buffer.concat(output)}`);
      countStep(name, status === 0);
      resolve();
    });
  });
}

/** Runs steps that do not need each other, two at a time: each keeps about one core busy. */
async function stepsBeside(steps) {
  const waiting = steps.values();
  const lane = async () => {
    for (const each of waiting) await stepBeside(each);
  };
  await Promise.all([lane(), lane()]);
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
  // If the runner crashes, or an error occurs outside of all tests, the run fails without a failed test.
  if (!succeeded && count.failed === failedBefore) count.failed++;
}

function countFile({ status, assertionResults: tests }) {
  const having = (...statuses) => tests.filter((test) => statuses.includes(test.status)).length;
  count.passed += having("passed");
  count.failed += having("failed");
  count.skipped += having("skipped", "pending", "todo", "disabled");
  // A file that could not be loaded, or whose set-up failed, has no failed test.
  if (status === "failed" && having("failed") === 0) count.failed++;
}

step("build", "npm", ["run", "--silent", "build"]);
step("adapter", process.execPath, ["dist/cli/main.js", "setup"]);
// The longest first.
await stepsBeside([
  ["lint", "lint"],
  ["types", "typecheck"],
  ["package", "package"],
  ["docs", "docs", "--", "--emit", "none"],
  ["layers", "layers"],
  ["unused", "unused"],
]);
runVitest();

if (count.skipped > 0) console.log(`${count.skipped} skipped`);
console.log(`${count.passed} passed, ${count.failed} failed`);
process.exitCode = count.failed > 0 ? 1 : 0;
