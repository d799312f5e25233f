// `npm run example -- NAME [arguments]` runs examples/NAME.ts. Like any program that uses this package, an example
// imports "dalle2-webgpu" and gets the output of `npm run build`.

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const [name, ...rest] = process.argv.slice(2);
const entry = join(root, "examples", `${name}.ts`);
if (!name || !existsSync(entry)) {
  const names = readdirSync(join(root, "examples")).filter((file) => file.endsWith(".ts"));
  console.error(`Name one of: ${names.map((file) => file.replace(/\.ts$/, "")).join(", ")}`);
  process.exit(2);
}
// The output is inside this package, so that its name resolves to it. Node 20 runs neither TypeScript nor `using`.
const outfile = join(root, ".cache", "examples", `${name}.js`);
await build({ entryPoints: [entry], outfile, format: "esm", platform: "node", target: "node20" });
const { status } = spawnSync(process.execPath, [outfile, ...rest], { stdio: "inherit" });
process.exitCode = status ?? 1;
