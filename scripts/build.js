// `npm run build`: writes dist, and makes its programs executable. npm does so only when it installs the package, and a
// build takes that away.

import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
process.chdir(root);

/** Runs a script of Node's to its end; when it fails, so does the build. */
function run(...args) {
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}

run("scripts/generate.js");
rmSync("dist", { recursive: true, force: true });
// By its path: another version of TypeScript, under a name of its own, has a program called tsc too.
run("node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
for (const program of Object.values(JSON.parse(readFileSync("package.json", "utf8")).bin)) chmodSync(program, 0o755);
