import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Vitest's global set-up: generates the git-ignored modules before any test file is loaded. */
export default function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL("../../scripts/generate.js", import.meta.url))], {
    stdio: "inherit",
  });
}
