import { describe, expect, it } from "vitest";
import { readAhead, type Rows } from "../../src/weights/read-ahead.js";
import { TensorEntry } from "../../src/weights/tensor-entry.js";

/** A file whose reads end when the test says so. */
class SlowFile {
  readonly begun: number[] = [];
  #running: (() => void)[] = [];

  get running(): number {
    return this.#running.length;
  }

  /** A tensor of one row of `bytes` bytes. */
  piece(number: number, bytes: number, fails = false): Rows {
    const read = async () => {
      this.begun.push(number);
      await new Promise<void>((resolve) => this.#running.push(resolve));
      if (fails) throw new Error(`piece ${number}`);
      return new Uint8Array(bytes).fill(number);
    };
    return { entry: new TensorEntry(`${number}`, "U8", [1, bytes], read), rows: [0, 1] };
  }

  /** Ends the reads that are running, the last one first. */
  async end(): Promise<void> {
    for (const resolve of this.#running.splice(0).reverse()) resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Ends the reads of a file until all pieces came, or one failed. */
async function collect(file: SlowFile, reading: AsyncGenerator<Uint8Array, void>): Promise<number[]> {
  const got: number[] = [];
  for (;;) {
    const next = reading.next();
    next.catch(() => undefined);
    while (file.running > 0) await file.end();
    const { value } = await next;
    if (!value) return got;
    got.push(value[0]!);
  }
}

describe("reading ahead", () => {
  it("gives the pieces in order, whichever read ends first", async () => {
    const file = new SlowFile();
    const pieces = Array.from({ length: 11 }, (_, i) => file.piece(i, 10));
    expect(await collect(file, readAhead(pieces, 1000))).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });

  it("reads the next pieces while the caller works, up to a number of bytes", async () => {
    const file = new SlowFile();
    const reading = readAhead(
      [100, 100, 100, 100].map((bytes, i) => file.piece(i, bytes)),
      150,
    );
    const first = reading.next();
    expect(file.begun).toEqual([0, 1]);
    await file.end();
    expect((await first).value?.[0]).toBe(0);
    // The caller has the first piece, and the reading of another has begun.
    expect(file.begun).toEqual([0, 1, 2]);
    const ended = reading.return();
    await file.end();
    await ended;
    expect(file.running).toBe(0);
  });

  it("rejects with the error of the first piece that fails, and leaves no read behind", async () => {
    const file = new SlowFile();
    const pieces = [file.piece(0, 10), file.piece(1, 10, true), file.piece(2, 10, true), file.piece(3, 10)];
    await expect(collect(file, readAhead(pieces, 1000))).rejects.toThrow("piece 1");
    expect(file.running).toBe(0);
  });

  it("reads one piece at a time if each is larger than the limit", async () => {
    const file = new SlowFile();
    const reading = readAhead([file.piece(0, 100), file.piece(1, 100)], 10);
    const first = reading.next();
    expect(file.begun).toEqual([0]);
    await file.end();
    await first;
    expect(file.begun).toEqual([0, 1]);
    const ended = reading.return();
    await file.end();
    await ended;
  });
});
