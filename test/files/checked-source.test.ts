import { expect, it } from "vitest";
import { CheckedSource } from "../../src/files/checked-source.js";
import { PIECE_BYTES, pieceSum } from "../../src/files/pieces.js";
import { MemorySource, type ByteSource } from "../../src/platform/source.js";

const first = new Uint8Array(PIECE_BYTES).fill(1);
const second = new Uint8Array(100).fill(2);
const right = new Uint8Array([...first, ...second]);
const sums = [await pieceSum(first), await pieceSum(second)];

/** A file that cannot be read once its closing has begun, and takes a while to close. */
class ClosingSource implements ByteSource {
  readonly name = "model.pth";
  readonly size = right.length;
  #isClosed = false;

  constructor(
    private readonly bytes: Uint8Array,
    private readonly ended: Promise<void>,
  ) {}

  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#isClosed) return Promise.reject(new Error("closed"));
    return Promise.resolve(this.bytes.slice(offset, offset + length));
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return this.ended;
  }
}

it("reads other pieces from the mended file while the damaged one is being closed", async () => {
  let endClosing = (): void => undefined;
  const closing = new Promise<void>((resolve) => (endClosing = resolve));
  const damaged = right.slice();
  damaged[5] = 9;
  const source = new CheckedSource(new ClosingSource(damaged, closing), sums, {
    mend: () => Promise.resolve({ bytes: first.slice(), source: new MemorySource(right) }),
    release: () => undefined,
  });
  const mended = source.read(0, 10);
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(await source.read(PIECE_BYTES, 100)).toEqual(second);
  endClosing();
  expect(await mended).toEqual(first.slice(0, 10));
});

it("is released also if closing fails", async () => {
  let isReleased = false;
  const failing = new ClosingSource(right, Promise.resolve());
  failing.close = () => Promise.reject(new Error("disk"));
  const source = new CheckedSource(failing, sums, {
    mend: () => Promise.reject(new Error("not asked")),
    release: () => (isReleased = true),
  });
  await expect(source.close()).rejects.toThrow("disk");
  expect(isReleased).toBe(true);
});
