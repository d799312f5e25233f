// `npm run example -- NAME [arguments]` runs examples/NAME.ts. Like any program that uses this package, an example names
// it as "dalle2-webgpu" and gets what `npm run build` wrote.

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
// Inside this package, so that its own name leads here; Node 20 runs neither TypeScript nor `using`.
const outfile = join(root, ".cache", "examples", `${name}.js`);
await build({ entryPoints: [entry], outfile, format: "esm", platform: "node", target: "node20" });
const { status } = spawnSync(process.execPath, [outfile, ...rest], { stdio: "inherit" });
process.exitCode = status ?? 1;
