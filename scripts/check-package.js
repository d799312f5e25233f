// `npm run package`: checks what `npm pack` makes of dist, as it was built last: publint looks at package.json, and
// attw (arethetypeswrong) at the types that other projects find.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "dalle2-package-"));

/** Runs a program of npm's to its end; gives its output, and undefined when it failed. */
function run(program, ...args) {
  // On Windows npm is a script, which only a shell can start.
  const { status, stdout } = spawnSync(program, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32",
  });
  return status === 0 ? stdout : (console.error(stdout), undefined);
}

const packed = run("npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder);
const tarball = packed && join(folder, packed.trim());
const passed =
  tarball !== undefined &&
  [
    run("npx", "--no", "publint", "run", tarball, "--strict"),
    run("npx", "--no", "attw", tarball, "--profile", "esm-only"),
  ].every((output) => output !== undefined);
rmSync(folder, { recursive: true });
if (!passed) process.exitCode = 1;
