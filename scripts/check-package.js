// `npm run package`: checks the result of `npm pack` with the last build: publint checks package.json, attw
// (arethetypeswrong) checks the types that other projects see; and the built app must be in it.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

process.chdir(fileURLToPath(new URL("..", import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "dalle2-package-"));

/** Runs an npm program. Returns its output, or undefined if it failed. */
function run(program, ...args) {
  // On Windows npm is a script, which only a shell can start.
  const { status, stdout } = spawnSync(program, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
    shell: process.platform === "win32",
  });
  return status === 0 ? stdout : (console.error(stdout), undefined);
}

/** Whether the package has the app, without the models, which it has in configs/. */
function hasApp(file) {
  const files = run("tar", "-tzf", file)?.split("\n") ?? [];
  const needed = ["package/web/dist/index.html", "package/configs/shapes.json"];
  const missing = needed.filter((path) => !files.includes(path));
  const surplus = files.filter(
    (path) => path.startsWith("package/web/") && (!path.startsWith("package/web/dist/") || path.includes("/configs/")),
  );
  if (missing.length > 0) console.error(`The package lacks ${missing.join(", ")}`);
  if (surplus.length > 0) console.error(`The package has what it does not need: ${surplus.join(", ")}`);
  return missing.length + surplus.length === 0;
}

const built = run("npm", "run", "--silent", "web:package", "--", "--logLevel", "warn");
const packed = run("npm", "pack", "--ignore-scripts", "--silent", "--pack-destination", folder);
const tarball = packed && join(folder, packed.trim());
const passed =
  built !== undefined &&
  tarball !== undefined &&
  hasApp(tarball) &&
  [
    run("npx", "--no", "publint", "run", tarball, "--strict"),
    run("npx", "--no", "attw", tarball, "--profile", "esm-only"),
  ].every((output) => output !== undefined);
rmSync(folder, { recursive: true });
if (!passed) process.exitCode = 1;
