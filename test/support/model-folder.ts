import type { FileFolder } from "../../src/files/folder/file-folder.js";
import { plainFolder } from "../../src/files/folder/plain-folder.js";
import { FileError } from "../../src/platform/errors.js";
import { MemorySource } from "../../src/platform/source.js";
import { fixtureFolder } from "./golden.js";

/** A file in place of the fixture's: its text, a value that becomes JSON, or null if there is none. */
export type ChangedFile = string | object | null;

/** The model folder of a fixture, with some files changed. */
export function modelFolder(fixture: string, changed: Readonly<Record<string, ChangedFile>> = {}): FileFolder {
  const folder = plainFolder(`${fixtureFolder(fixture)}/model`);
  return {
    name: folder.name,
    has: async (path) => (changed[path] === undefined ? folder.has(path) : changed[path] !== null),
    open: async (path) => {
      const content = changed[path];
      if (content === undefined) return folder.open(path);
      if (content === null) throw new FileError(path, "no such file", { code: "file/not-found" });
      const text = typeof content === "string" ? content : JSON.stringify(content);
      return new MemorySource(new TextEncoder().encode(text), path);
    },
  };
}

/** The JSON of a file in the model folder of a fixture. */
export async function readModelJson(fixture: string, path: string): Promise<Record<string, unknown>> {
  const source = await modelFolder(fixture).open(path);
  const bytes = await source.read(0, source.size);
  await source.close();
  return JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
}
