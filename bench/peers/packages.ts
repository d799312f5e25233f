import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** The program runs from the root of the repository, and is bundled elsewhere: packages are found by their path. */
const FOLDER = join(process.cwd(), "bench");

/** Throws if the packages of this benchmark are not installed. */
export function checkPeers(): void {
  if (existsSync(join(FOLDER, "node_modules", "onnxruntime-node"))) return;
  throw new Error('The runtimes to compare with are not installed: run "npm ci --ignore-scripts" in bench.');
}

export function versionOf(name: string): string {
  const file = join(FOLDER, "node_modules", name, "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

/** A package in CommonJS. */
export function requirePeer(name: string): unknown {
  return createRequire(join(FOLDER, "package.json"))(name);
}

/** A file of a package that is an ES module. */
export function importPeer(path: string): Promise<unknown> {
  return import(pathToFileURL(join(FOLDER, "node_modules", path)).href);
}
