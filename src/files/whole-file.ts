import { cacheFolder, holdFile, join, openFile, openWriter, removeFile } from "#platform";
import { TooLargeError } from "../platform/limits.js";
import { BlobSource, type ByteSource } from "../platform/source.js";
import { TemporarySource } from "./temporary-source.js";

/** More than this goes to a file, which is removed when the source is closed. */
const MEMORY_BYTES = 2 ** 26;

/**
 * Keeps a file that comes as one stream, for reads at any place: a server without range requests sends no part of a file.
 * Rejects with `TooLargeError`, or with `FileError` if there is no room for it.
 */
export async function keepWhole(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
): Promise<ByteSource> {
  let parts: Uint8Array<ArrayBuffer>[] = [];
  let size = 0;
  const file = temporaryFile();
  try {
    for await (const chunk of chunks) {
      size += chunk.length;
      if (size > maxBytes) throw new TooLargeError(name, `the server sent more than ${maxBytes} bytes`, maxBytes);
      parts.push(new Uint8Array(chunk));
      if (size <= MEMORY_BYTES) continue;
      await file.append(parts);
      parts = [];
    }
    if (size <= MEMORY_BYTES) return new BlobSource(new Blob(parts), name);
    return await file.open();
  } catch (error) {
    await file.remove();
    throw error;
  }
}

/** A file that begins with its first bytes. */
function temporaryFile() {
  const path = join(cacheFolder(), `once-${crypto.randomUUID()}.part`);
  let writer: ReturnType<typeof openWriter> | undefined;
  let release = (): void => undefined;
  let end = 0;
  const begin = async () => {
    // Other tabs could clear it.
    release = await holdFile(path);
    return openWriter(path);
  };
  const finish = async (): Promise<void> => {
    await (await writer)?.close();
  };
  return {
    append: async (parts: readonly Uint8Array[]): Promise<void> => {
      writer ??= begin();
      for (const part of parts) {
        await (await writer).write(end, part);
        end += part.length;
      }
    },
    open: async (): Promise<ByteSource> => {
      await finish();
      return new TemporarySource(await openFile(path), path, release);
    },
    remove: async (): Promise<void> => {
      if (!writer) return;
      await finish().catch(() => undefined);
      await removeFile(path).finally(release);
    },
  };
}
