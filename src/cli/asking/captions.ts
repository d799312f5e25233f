import { basename } from "node:path";
import { promptFromFileName } from "../../image/image-files.js";
import { readRecord } from "../../pipeline/records/image-record.js";
import { counted } from "../../platform/counted.js";
import { FileError } from "../../platform/errors.js";
import type { Asker } from "./asking.js";
import { UsageError } from "../errors.js";

/** What an image shows: the prompt in its record, where it has one, or what its name suggests. */
export async function captionOf(file: string): Promise<string> {
  return (await recordedPrompt(file)) ?? promptFromFileName(file);
}

async function recordedPrompt(file: string): Promise<string | undefined> {
  try {
    const { record } = await readRecord(file);
    // An edited image shows what it was changed to.
    const { prompt, to } = record?.inputs ?? {};
    return [prompt, to].find((text) => typeof text === "string" && text.trim() !== "") as string | undefined;
  } catch (error) {
    // What is wrong with the file is said when its pixels are read.
    if (error instanceof FileError) return undefined;
    throw error;
  }
}

/** What suggests the text of a file. */
export type Suggest = (file: string) => string | Promise<string>;

/** A text for each file: those given, one for all, or what the files suggest. Rejects with `UsageError` for another number. */
export async function textsFor(
  files: readonly string[],
  given: readonly string[],
  suggest: Suggest = captionOf,
): Promise<readonly string[]> {
  if (given.length === 0) return Promise.all(files.map(suggest));
  if (given.length === 1) return files.map(() => given[0]!);
  if (given.length === files.length) return given;
  throw new UsageError(
    `Give --text once, or for each of ${counted(files.length, "image")}, not ${counted(given.length, "time")}.`,
  );
}

/** Asks for the text of a file. */
export async function askText(asker: Asker, file: string): Promise<string> {
  return asker.ask({ message: `Prompt for ${basename(file)}`, fallback: await captionOf(file) });
}
