import { access, constants, mkdir, open, rm } from "node:fs/promises";
import { join, parse } from "node:path";
import { writeFileAtomic } from "#platform";
import { fileError } from "../../platform/node-error.js";

/** File systems allow 255 bytes; numbers, the extension and the mark of a file that is being written come on top. */
const NAME_BYTES = 100;

/**
 * A part of a file's name made of any text: its letters and digits, with dashes between words. Safe on every file system
 * once a number follows: no separators, no leading dot or dash, never a device's name, short enough in any alphabet.
 */
export function fileNameOf(text: string): string {
  const lower = text.normalize("NFC").toLowerCase();
  const words = lower.replace(/[^\p{L}\p{M}\p{N}]+/gu, "-").replace(/^-/, "");
  const { read } = new TextEncoder().encodeInto(words, new Uint8Array(NAME_BYTES));
  const name = words.slice(0, read).replace(/-$/, "");
  return name === "" ? "picture" : name;
}

/** Makes a folder for pictures. Rejects with `FileError` where nothing can be written there. */
export async function prepareFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
  } catch (cause) {
    throw fileError(folder, "pictures cannot be written there", cause);
  }
}

/**
 * Writes a file, whole or not at all, and gives its path. Where the name is taken, by an earlier run or by another process,
 * a number is added, `name_2.png`; with `overwrite` the file is replaced.
 */
export async function writePictureFile(
  folder: string,
  name: string,
  data: Uint8Array,
  { overwrite }: { readonly overwrite: boolean },
): Promise<string> {
  const file = overwrite ? join(folder, name) : await claimFile(folder, name);
  try {
    await writeFileAtomic(file, data);
    return file;
  } catch (error) {
    if (!overwrite) await rm(file, { force: true });
    throw error;
  }
}

/** Makes an empty file under the first free name. */
async function claimFile(folder: string, wanted: string): Promise<string> {
  const { name, ext } = parse(wanted);
  for (let count = 1; ; count++) {
    const file = join(folder, count === 1 ? wanted : `${name}_${count}${ext}`);
    try {
      await (await open(file, "wx")).close();
      return file;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EEXIST") continue;
      throw fileError(file, "could not be written", cause);
    }
  }
}
