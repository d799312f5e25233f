import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Vitest's global set-up: the git-ignored generated modules are fresh before any test file is loaded. */
export default function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL("../../scripts/generate.js", import.meta.url))], {
    stdio: "inherit",
  });
}
