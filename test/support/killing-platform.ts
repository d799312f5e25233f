// Node's platform, in a process that kills itself before the file change with the number KILL_BEFORE. Reads do not count: a
// kill before a read leaves the same files as one before the next change.
import process from "node:process";
import * as node from "../../src/platform/node.js";
import type { Platform } from "../../src/platform/platform.js";

export * from "../../src/platform/node.js";

const last = Number(process.env.KILL_BEFORE);
let changes = 0;

function count(): void {
  if (changes++ === last) process.kill(process.pid, "SIGKILL");
}

function counted<Args extends unknown[], Result>(operation: (...args: Args) => Result): (...args: Args) => Result {
  return (...args) => {
    count();
    return operation(...args);
  };
}

export const moveFile: Platform["moveFile"] = counted(node.moveFile);
export const removeFile: Platform["removeFile"] = counted(node.removeFile);

/** Counts as three changes: before everything, before the first byte of the temporary file, and after all of them. */
export const writeFileAtomic: Platform["writeFileAtomic"] = (path, data) => {
  count();
  return node.writeFileAtomic(
    path,
    (async function* () {
      count();
      if (data instanceof Uint8Array) yield data;
      else yield* data;
      count();
    })(),
  );
};

export const openWriter: Platform["openWriter"] = async (path, options) => {
  count();
  const writer = await node.openWriter(path, options);
  return {
    readableBytes: writer.readableBytes,
    read: (offset, length) => writer.read(offset, length),
    write: counted((offset: number, bytes: Uint8Array) => writer.write(offset, bytes)),
    close: counted(() => writer.close()),
  };
};
