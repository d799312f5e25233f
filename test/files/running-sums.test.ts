import { randomBytes, randomInt } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { sumsOfFile } from "../../src/files/hash.js";
import { PIECE_BYTES } from "../../src/files/pieces.js";
import { RunningSums } from "../../src/files/running-sums.js";

const folder = mkdtempSync(join(tmpdir(), "running-sums-"));
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe("checksums of bytes as they arrive", () => {
  it.each([0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 2 * PIECE_BYTES + 12345])(
    "are those of the file, of %d bytes",
    async (size) => {
      const content = randomBytes(size);
      const path = join(folder, String(size));
      writeFileSync(path, content);
      const sums = new RunningSums();
      // What came before a connection broke, and then all from the start.
      sums.add(0, content.subarray(0, 1000));
      for (let start = 0; start < size;) {
        const end = Math.min(size, start + randomInt(1, 1_000_000));
        sums.add(start, content.subarray(start, end));
        start = end;
      }
      if (size > 0) expect(await sums.finish(size)).toEqual(await sumsOfFile(path));
      else expect(await new RunningSums().finish(0)).toEqual(await sumsOfFile(path));
    },
  );

  it("are not known if bytes are missing", async () => {
    const resumed = new RunningSums();
    resumed.add(5, new Uint8Array(5));
    expect(await resumed.finish(10)).toBeUndefined();
    const gap = new RunningSums();
    gap.add(0, new Uint8Array(5));
    gap.add(6, new Uint8Array(4));
    expect(await gap.finish(10)).toBeUndefined();
    const short = new RunningSums();
    short.add(0, new Uint8Array(5));
    expect(await short.finish(10)).toBeUndefined();
  });
});
