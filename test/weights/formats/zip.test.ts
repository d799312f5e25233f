import { describe, expect, it } from "vitest";
import { MemorySource } from "../../../src/platform/source.js";
import { FormatError } from "../../../src/weights/errors.js";
import { openZip } from "../../../src/weights/formats/zip.js";
import { zip, type ZipOptions } from "../../support/zip.js";

const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * i) % 7);
const files = [
  ["m/data.pkl", Uint8Array.of(1, 2, 3)],
  ["m/data/0", content],
] as const;
const open = (bytes: Uint8Array) => openZip(new MemorySource(bytes, "x.zip"));

const variants: readonly (readonly [string, ZipOptions])[] = [
  ["stored entries", {}],
  ["64-bit sizes", { zip64: true }],
  ["deflated entries", { deflate: true }],
  ["a comment", { comment: "PK\x05\x06 looks like an end record" }],
];

describe.each(variants)("an archive with %s", (_, options) => {
  it("gives its entries' content by range", async () => {
    const entries = await open(zip(files, options));
    expect([...entries.keys()]).toEqual(["m/data.pkl", "m/data/0"]);
    const entry = entries.get("m/data/0")!;
    expect(entry.size).toBe(5000);
    expect(await entry.read(0, 5000)).toEqual(content);
    expect(await entry.read(4990, 10)).toEqual(content.slice(4990));
    await expect(entry.read(4990, 11)).rejects.toThrow(/it has 5000/);
  });

  it("is refused if it is truncated anywhere, or its content does not match its header", async () => {
    // The rest of a comment does not matter.
    const whole = zip(files, options).subarray(0, -(options.comment?.length ?? 0) || undefined);
    for (let length = 0; length < whole.length; length += 97) {
      const cut = whole.subarray(0, length);
      await expect(open(cut), `${length} bytes`).rejects.toThrow(FormatError);
    }
  });
});

describe("an archive with bytes after it", () => {
  const behind: readonly (readonly [string, Uint8Array])[] = [
    ["a zero", new Uint8Array(1)],
    ["a block of zeros", new Uint8Array(60_000)],
    ["text", Buffer.from("\r\n")],
    ["what begins as an end record does", Buffer.from("PK\x05\x06 and more text than an end record has")],
    ["half an end record", Buffer.from("PK\x05\x06")],
  ];
  it.each(behind)("%s", async (_, bytes) => {
    for (const options of [{}, { zip64: true }, { comment: "a comment" }]) {
      const entries = await open(Buffer.concat([zip(files, options), bytes]));
      expect(await entries.get("m/data/0")!.read(0, 5000)).toEqual(content);
    }
  });

  it("beyond what torch looks back over, is refused", async () => {
    await expect(open(Buffer.concat([zip(files), new Uint8Array(70_000)]))).rejects.toThrow(/without a directory/);
  });

  it("of thousands of end records is refused immediately", async () => {
    const record = Buffer.concat([Buffer.from("PK\x05\x06"), Buffer.alloc(18, 1)]);
    const start = performance.now();
    await expect(open(Buffer.concat(Array<Buffer>(2900).fill(record)))).rejects.toThrow(FormatError);
    expect(performance.now() - start).toBeLessThan(5000);
  });
});

it("an entry with a data descriptor is read by the sizes of the directory", async () => {
  const archive = zip(files);
  // The local header's sizes and checksum are then zero, and bit 3 of its flags is set.
  archive.writeUInt16LE(8, 6);
  archive.fill(0, 14, 26);
  const entries = await open(archive);
  expect(await entries.get("m/data.pkl")!.read(0, 3)).toEqual(Uint8Array.of(1, 2, 3));
});

describe("a damaged archive", () => {
  /** The archive with some bytes replaced, at a position relative to a signature. */
  function patched(options: ZipOptions, signature: string, offset: number, ...bytes: number[]): Buffer {
    const archive = zip(files, options);
    archive.set(bytes, archive.lastIndexOf(signature, undefined, "latin1") + offset);
    return archive;
  }
  const read = async (bytes: Uint8Array) => {
    const entry = (await open(bytes)).get("m/data/0");
    await entry?.read(0, entry.size);
  };

  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["an encrypted entry", patched({}, "PK\x01\x02", 8, 1), /m\/data\/0: it is encrypted/],
    ["an unknown method", patched({}, "PK\x01\x02", 10, 93), /compression method 93/],
    ["sizes that differ though stored", patched({}, "PK\x01\x02", 24, 0), /its sizes differ/],
    ["a header elsewhere", patched({}, "PK\x01\x02", 42, 52), /no local header at byte 52/],
    ["a header beyond the end", patched({}, "PK\x01\x02", 42, 0, 0, 0, 99), /m\/data\/0: its bytes .* overlap/],
    ["entries that share bytes", patched({}, "PK\x01\x02", 42, 20), /m\/data.pkl: its bytes 0 to 43 overlap .* at 20/],
    [
      "an entry that runs into the directory",
      patched({}, "PK\x01\x02", 20, 0x99, 0x13),
      /m\/data\/0: its bytes .* overlap/,
    ],
    ["two entries of one name", zip([files[0], files[0]]), /two zip entries are named m\/data.pkl/],
    ["more entries than records", patched({}, "PK\x05\x06", 10, 200), /directory is damaged/],
    ["a directory larger than the file", patched({}, "PK\x05\x06", 12, 0, 0, 0, 99), /directory should have/],
    ["missing 64-bit sizes", patched({}, "PK\x01\x02", 20, 255, 255, 255, 255), /64-bit sizes are missing/],
    [
      "a 64-bit position beyond 2^53",
      patched({ zip64: true }, "PK\x06\x07", 8, 0, 0, 0, 0, 0, 0, 0, 255),
      /a zip size or position/,
    ],
    ["a 64-bit end record elsewhere", patched({ zip64: true }, "PK\x06\x07", 8, 1), /no zip64 end record/],
    ["a checksum that does not fit", patched({ deflate: true }, "PK\x01\x02", 16, 0, 0), /data is damaged/],
    ["less content than promised", patched({ deflate: true }, "PK\x01\x02", 24, 0x89), /data is damaged/],
    ["more content than promised", patched({ deflate: true }, "PK\x01\x02", 24, 0x87), /data is damaged/],
    ["a bomb", patched({ deflate: true }, "PK\x01\x02", 24, 0, 0, 0, 0x7f), /without compression/],
    [
      "a bomb that is not even one",
      patched({ deflate: true }, "PK\x01\x02", 24, 0, 0, 0, 0x0f),
      /bytes cannot decompress to the 251/,
    ],
  ];
  it.each(cases)("with %s is refused", async (_, bytes, message) => {
    const error: unknown = await read(bytes).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(message);
  });
});
