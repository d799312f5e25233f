import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const CORPUS = "test/fuzz/corpus";

/** The files of a corpus folder, by name; none if the folder does not exist. */
export function corpus(name: string): Uint8Array[] {
  const folder = join(CORPUS, name);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).sort();
  return files.map((file) => readBytes(join(folder, file)));
}

/** A file of this repository, which is the working directory. */
export function readBytes(path: string): Uint8Array {
  return Uint8Array.from(readFileSync(path));
}

/** The JSON files of a folder of this repository. */
export function jsonFiles(folder: string): string[] {
  const files = readdirSync(folder).filter((file) => file.endsWith(".json") && !file.endsWith(".schema.json"));
  return files.sort().map((file) => readFileSync(join(folder, file), "utf8"));
}
