import { holdFile, openFile, statFile } from "#platform";
import { loadPart } from "../platform/load-part.js";
import type { ByteSource } from "../platform/source.js";
import { CheckedSource } from "./checked-source.js";
import { describes, readRecord, type FileRecord, type KeptFile } from "./kept-file.js";
import type { MendingOptions } from "./mend.js";
import { pieceCount } from "./pieces.js";

/**
 * Opens a kept file and holds it until it is closed. Its pieces are checked as they are read if its record has their sums;
 * damaged ones are fetched again. Rejects with FileError.
 */
export async function openVerified(kept: KeptFile, options: MendingOptions): Promise<ByteSource> {
  const release = await holdFile(kept.path);
  try {
    const { source, record } = await openWithRecord(kept.path);
    const sums = record?.pieces?.length === pieceCount(source.size) ? record.pieces : undefined;
    const mend = async (index: number) =>
      (await loadPart("the repair of downloads", () => import("./mend.js"))).mend(kept, index, options);
    return new CheckedSource(source, sums, { mend, release });
  } catch (error) {
    release();
    throw error;
  }
}

const ATTEMPTS = 3;

interface OpenedKept {
  readonly source: ByteSource;
  /** Undefined if there is none, or if it is of another version. */
  readonly record?: FileRecord | undefined;
}

/** Opens a file with its record. Another process may replace both in between, the record first. */
async function openWithRecord(path: string): Promise<OpenedKept> {
  for (let attempt = 1; ; attempt++) {
    const before = await currentRecord(path);
    const source = await openFile(path);
    const after = await currentRecord(path);
    if (before && before.sha256 === after?.sha256) return { source, record: after };
    // As in a folder that cannot be written to, where the record is of an earlier time.
    if ((!before && !after) || attempt === ATTEMPTS) return { source };
    await source.close();
  }
}

async function currentRecord(path: string): Promise<FileRecord | undefined> {
  const record = await readRecord(path);
  return record && describes(record, await statFile(path)) ? record : undefined;
}
