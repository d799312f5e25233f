// Makes `npx dalle2` work in a checkout: npm links the commands of dependencies, not those of the package itself.

import { chmodSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "node_modules/.bin");
mkdirSync(folder, { recursive: true });

if (process.platform === "win32") {
  writeFileSync(join(folder, "dalle2.cmd"), '@node "%~dp0\\..\\..\\dist\\cli\\main.js" %*\r\n');
} else {
  chmodSync(join(root, "dist/cli/main.js"), 0o755);
  const link = join(folder, "dalle2");
  rmSync(link, { force: true });
  symlinkSync("../../dist/cli/main.js", link);
}
