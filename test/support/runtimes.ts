// The other programs that run the built command: Deno and Bun, by their npm packages.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const MODULES = join(ROOT, "node_modules");

/** Their programs; undefined on a system that they have no build for. */
export const DENO = programOf("@deno", "deno");
export const BUN = programOf("@oven", "bin/bun") ?? movedBun();

/** A program that npm installs in a package for each system. No script has to run for that at install. */
function programOf(scope: string, path: string): string | undefined {
  const folder = join(MODULES, scope);
  if (!existsSync(folder)) return undefined;
  const programs = readdirSync(folder).flatMap((name) => ["", ".exe"].map((end) => join(folder, name, path + end)));
  return programs.sort().find((program) => existsSync(program));
}

/** Where Bun's install script, which npm may be told not to run, moves the program. */
function movedBun(): string | undefined {
  const program = join(MODULES, "bun/bin/bun.exe");
  // Before, a short text is in its place.
  return existsSync(program) && statSync(program).size > 2 ** 20 ? program : undefined;
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program to its end, beside this process. */
export async function runProgram(program: string, args: readonly string[], cwd = ROOT): Promise<Ran> {
  const child = spawn(program, args, { cwd, stdio: ["ignore", "pipe", "pipe"] });
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => {
      said[name] += chunk;
    });
  }
  const [status] = (await once(child, "close")) as [number | null];
  return { status, ...said };
}

/** A folder in which the packed package is installed with what it depends on, except the packages left out. */
export function installPacked(folder: string, leftOut: readonly string[] = []): void {
  const modules = join(folder, "node_modules");
  const place = join(modules, "dalle2-webgpu");
  mkdirSync(place, { recursive: true });
  const shell = process.platform === "win32";
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", folder];
  const packed = spawnSync("npm", pack, { cwd: ROOT, encoding: "utf8", shell });
  if (packed.status !== 0) throw new Error(`npm pack failed: ${packed.stderr}`);
  const file = packed.stdout.trim().split("\n").at(-1)!;
  const unpacked = spawnSync("tar", ["-xzf", file, "-C", "node_modules/dalle2-webgpu", "--strip-components=1"], {
    cwd: folder,
  });
  if (unpacked.status !== 0) throw new Error(`${file} could not be unpacked`);
  for (const name of readdirSync(MODULES)) {
    if (!name.startsWith(".") && !leftOut.includes(name))
      symlinkSync(join(MODULES, name), join(modules, name), "junction");
  }
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({ type: "module", dependencies: { "dalle2-webgpu": "*" } }),
  );
}
