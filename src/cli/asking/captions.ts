import { basename } from "node:path";
import { promptFromFileName } from "../../image/image-files.js";
import { readRecord } from "../../pipeline/records/image-record.js";
import { counted } from "../../platform/counted.js";
import { FileError } from "../../platform/errors.js";
import type { Asker } from "./asking.js";
import { UsageError } from "../errors.js";

/** The caption of an image: the prompt in its record or, without a record, one from its name. */
export async function captionOf(file: string): Promise<string> {
  return (await recordedPrompt(file)) ?? promptFromFileName(file);
}

async function recordedPrompt(file: string): Promise<string | undefined> {
  try {
    const { record } = await readRecord(file);
    // The target text of an edit describes the edited image.
    const { prompt, to } = record?.inputs ?? {};
    return [prompt, to].find((text) => typeof text === "string" && text.trim() !== "") as string | undefined;
  } catch (error) {
    // The error is reported when the pixels are read.
    if (error instanceof FileError) return undefined;
    throw error;
  }
}

/** Returns the default text for a file. */
export type Suggest = (file: string) => string | Promise<string>;

/**
 * A text for each file: one for each, one for all, or the default of each if none is given. Rejects with `UsageError` for any
 * other number of texts.
 */
export async function textsFor(
  files: readonly string[],
  given: readonly string[],
  suggest: Suggest = captionOf,
): Promise<readonly string[]> {
  if (given.length === 0) return Promise.all(files.map(async (file) => suggest(file)));
  if (given.length === 1) return files.map(() => given[0]!);
  if (given.length === files.length) return given;
  throw new UsageError(
    `--text must be given once, or once for each of ${counted(files.length, "image")}; it was given ${counted(given.length, "time")}.`,
  );
}

/** Asks for the text of a file. */
export async function askText(asker: Asker, file: string): Promise<string> {
  return asker.ask({ message: `Prompt for ${basename(file)}`, fallback: await captionOf(file) });
}
