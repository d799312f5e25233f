// Installs the newest release of each line of Node that is supported into .cache/nodes, for the test of Node versions:
// npm has Node itself as a package for each platform. About 180 MB to download, 730 MB on disk.
//
//   node scripts/install-nodes.js

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Lines of Node that an image is generated on: the oldest of `engines` in package.json, and each with long-term support since. */
export const NODE_LINES = [20, 22, 24, 26];

const FOLDER = fileURLToPath(new URL("../.cache/nodes", import.meta.url));
const isWindows = process.platform === "win32";
const PACKAGE = `node-${isWindows ? "win" : process.platform}-${process.arch}`;

/** The program of a line. */
export function nodeProgram(line) {
  return join(FOLDER, "node_modules", `node-${line}`, "bin", isWindows ? "node.exe" : "node");
}

/** Whether all lines are installed. */
export function hasNodes() {
  return NODE_LINES.every((line) => existsSync(nodeProgram(line)));
}

/** Installs all lines. Throws where npm does not end well. */
export function installNodes() {
  mkdirSync(FOLDER, { recursive: true });
  // A project of its own: npm would install into the repository otherwise.
  writeFileSync(join(FOLDER, "package.json"), JSON.stringify({ private: true }));
  const aliases = NODE_LINES.map((line) => `node-${line}@npm:${PACKAGE}@${line}`);
  const options = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"];
  const run = { cwd: FOLDER, encoding: "utf8", shell: isWindows };
  const { status, stderr, error } = spawnSync("npm", ["install", ...options, ...aliases], run);
  if (status !== 0) throw new Error(`npm could not install ${aliases.join(", ")}: ${error?.message ?? stderr}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  installNodes();
  for (const line of NODE_LINES) console.log(nodeProgram(line));
}
