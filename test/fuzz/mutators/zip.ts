import type { Random } from "../random.js";
import { concat, littleEndian, mutateBytes } from "./bytes.js";

/** The fields of a zip archive's records, by signature: position and width. */
const RECORDS: readonly (readonly [signature: string, fields: readonly (readonly [at: number, width: number])[]])[] = [
  [
    "PK\x03\x04",
    [
      [6, 2],
      [8, 2],
      [14, 4],
      [18, 4],
      [22, 4],
      [26, 2],
      [28, 2],
    ],
  ],
  [
    "PK\x01\x02",
    [
      [8, 2],
      [10, 2],
      [16, 4],
      [20, 4],
      [24, 4],
      [28, 2],
      [30, 2],
      [32, 2],
      [42, 4],
    ],
  ],
  [
    "PK\x05\x06",
    [
      [4, 2],
      [8, 2],
      [10, 2],
      [12, 4],
      [16, 4],
      [20, 2],
    ],
  ],
  [
    "PK\x06\x06",
    [
      [4, 8],
      [24, 8],
      [32, 8],
      [40, 8],
      [48, 8],
    ],
  ],
  [
    "PK\x06\x07",
    [
      [4, 4],
      [8, 8],
      [16, 4],
    ],
  ],
];

/** An archive in which some fields have other numbers, or whose parts are in other places. */
export function mutateZip(archive: Uint8Array, random: Random, others: readonly Uint8Array[]): Uint8Array {
  switch (random.below(8)) {
    case 0:
      return mutateBytes(archive, random, others);
    case 1: {
      // Only the directory.
      const start = Math.max(0, Buffer.from(archive).indexOf("PK\x01\x02"));
      return concat([archive.subarray(0, start), mutateBytes(archive.subarray(start), random, others)]);
    }
    case 2: {
      const other = random.pick(others);
      return random.pick([
        () => concat([archive, archive.subarray(-22)]),
        () => concat([other.subarray(0, random.below(other.length)), archive]),
        () => concat([archive, other]),
        () => concat([archive, new Uint8Array(random.length(70_000))]),
        () => archive.slice(0, random.below(archive.length)),
      ])();
    }
    default:
      return withOtherFields(archive, random);
  }
}

function withOtherFields(archive: Uint8Array, random: Random): Uint8Array {
  const copy = Buffer.from(archive);
  for (let left = 1 + random.length(3); left > 0; left--) {
    const [signature, fields] = random.pick(RECORDS);
    const [offset, width] = random.pick(fields);
    const records = positions(copy, signature);
    if (records.length === 0) continue;
    const at = random.pick(records) + offset;
    if (at + width > copy.length) continue;
    const now = copy.readUIntLE(at, Math.min(width, 6));
    const near = [now + 1, now - 1, 2 * now, copy.length, copy.length - 22, 0, 1, random.below(copy.length)];
    const value = random.chance(0.6)
      ? random.pick(near)
      : random.pick([0xff, 0xffff, 0xffffffff, 2 ** 53, -1, 2 ** 31]);
    copy.set(littleEndian(Math.trunc(value), width), at);
  }
  return Uint8Array.from(copy);
}

function positions(archive: Buffer, signature: string): number[] {
  const found: number[] = [];
  for (let at = archive.indexOf(signature, 0, "latin1"); at >= 0; at = archive.indexOf(signature, at + 1, "latin1")) {
    found.push(at);
  }
  return found;
}
