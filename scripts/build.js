// `npm run build`: writes dist and makes its programs executable. npm does this only when it installs the package, and
// a build resets it.

import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);

/** Runs a Node script. If it fails, the build fails. */
function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

run("scripts/generate.js");
rmSync("dist", { recursive: true, force: true });
// By path, because another installed version of TypeScript also has a program called tsc.
run("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
run("scripts/bundle-cli.js");
run("scripts/bundle-browser.js");
for (const program of Object.values(JSON.parse(readFileSync("package.json", "utf8")).bin)) chmodSync(program, 0o755);
