import { describe, expect, it } from "vitest";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { FormatError } from "../../src/weights/errors.js";
import { f32, LEGACY_HEAD, scalar, TestTensor, torchLegacy } from "../support/torch-file.js";

// Files in this format from torch 1.13 are tested in checkpoint.test.ts, beside the same tensors in a zip.

const open = (bytes: Uint8Array) => openCheckpoint(new MemorySource(bytes, "x.pth"));

async function values(bytes: Uint8Array, name: string): Promise<number[]> {
  const entry = (await open(bytes)).tensors.get(name)!;
  return [...toFloat32(entry.dtype, await entry.read())];
}

/** A legacy file from the text of its objects and keys (protocol 0), and its storages. */
function written(objects: string, keys: string, ...storages: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([LEGACY_HEAD, Buffer.from(`${objects}.${keys}.`, "latin1"), ...storages]);
}

function storage(elements: readonly number[], count = elements.length): Uint8Array {
  const bytes = Buffer.alloc(8 + 4 * elements.length);
  bytes.writeBigInt64LE(BigInt(count));
  elements.forEach((value, i) => bytes.writeFloatLE(value, 8 + 4 * i));
  return bytes;
}

/** One tensor `[length]` named w in storage "7" with `elements` elements. The view is pickled text. */
function vector(length: number, { elements = 4, offset = 0, view = "N" } = {}): string {
  const id = `(Vstorage\nctorch\nFloatStorage\nV7\nVcuda:0\nI${elements}\n${view}tQ`;
  return `}Vw\nctorch._utils\n_rebuild_tensor_v2\n(${id}I${offset}\n(I${length}\nt(I1\ntI00\n}tRs`;
}

const KEYS = "(V7\nl";
const DATA = storage([1, 2, 3, 4]);

describe("torch's format before 1.6", () => {
  it("gives tree, version and tensors, as the zip does", async () => {
    const checkpoint = await open(
      torchLegacy({ model: { a: f32([2], [1, 2]), b: scalar(3) }, version: "0.11.5", optimizer: {} }),
    );
    expect(checkpoint.format).toBe("torch-legacy");
    expect([checkpoint.version, checkpoint.container]).toEqual(["0.11.5", "trainer save"]);
    expect([...checkpoint.tensors.keys()]).toEqual(["a", "b"]);
  });

  it.each([0, 1, 2, 3, 4, 5])("is known by its magic number in protocol %i", async (protocol) => {
    const number = Buffer.from("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "latin1");
    const start = Uint8Array.of(0x80, protocol);
    const frame = Uint8Array.of(0x95, 13, 0, 0, 0, 0, 0, 0, 0);
    const digits = Buffer.from("L119547037146038801333356L\n.");
    const magics =
      protocol < 2
        ? [[digits]]
        : protocol < 4
          ? [[start, number]]
          : [
              [start, frame, number],
              [start, number],
            ];
    for (const magic of magics) {
      const rest = Buffer.from(`I1001\n.}.${vector(4)}.${KEYS}.`);
      const checkpoint = await open(Buffer.concat([...magic, rest, DATA]));
      expect(checkpoint.format).toBe("torch-legacy");
      const entry = checkpoint.tensors.get("w")!;
      expect([...toFloat32(entry.dtype, await entry.read())]).toEqual([1, 2, 3, 4]);
    }
  });

  it("has persistent ids in text in protocol 0", async () => {
    const id = (view: string) => `P('storage', <class 'torch.FloatStorage'>, '7', 'cpu', 4${view})\n`;
    const file = (view: string) =>
      written(`}Vw\nctorch._utils\n_rebuild_tensor_v2\n(${id(view)}I0\n(I2\nt(I1\ntI00\n}tRs`, KEYS, DATA);
    expect(await values(file(""), "w")).toEqual([1, 2]);
    expect(await values(file(", None"), "w")).toEqual([1, 2]);
    expect(await values(file(", ('9', 1, 3)"), "w")).toEqual([2, 3]);
  });

  it("may be followed by other bytes", async () => {
    expect(await values(Buffer.concat([written(vector(4), KEYS, DATA), Buffer.alloc(1000)]), "w")).toEqual([
      1, 2, 3, 4,
    ]);
  });

  it("may hold the classes of a whole model", async () => {
    const module = "(Vmodule\nclib\nNet\nVnet.py\nVclass Net: pass\ntQ)\x81";
    const objects = `}(Vmodel\n${vector(4)}Vnet\n${module}u`;
    expect((await open(written(objects, KEYS, DATA))).tensors.size).toBe(1);
  });

  it("of before version 0.2 is named for what it is", async () => {
    const tar = Buffer.alloc(1024);
    tar.write("storages");
    await expect(open(tar)).rejects.toThrow(/x\.pth: a tar archive, as torch wrote checkpoints before version 0\.2/);
    tar.write("model.pth\0");
    tar.write("ustar", 257);
    await expect(open(tar)).rejects.toThrow(/a tar archive/);
  });

  it("reads each storage at the position that the sizes before it give", async () => {
    const shared = { dtype: "F32", bytes: new Uint8Array(Float32Array.of(4, 5, 6).buffer) } as const;
    const file = torchLegacy({
      first: f32([3], [1, 2, 3]),
      whole: new TestTensor([3], shared),
      last: new TestTensor([1], shared, 2),
      after: f32([1], [7]),
    });
    expect(await values(file, "first")).toEqual([1, 2, 3]);
    expect(await values(file, "whole")).toEqual([4, 5, 6]);
    expect(await values(file, "last")).toEqual([6]);
    expect(await values(file, "after")).toEqual([7]);
  });

  it("reads a view of a storage, as torch before 0.4 wrote them: its offsets count from the view's start", async () => {
    expect(await values(written(vector(2, { view: "(V9\nI1\nI3\nt" }), KEYS, DATA), "w")).toEqual([2, 3]);
    expect(await values(written(vector(2, { view: "(V9\nI1\nI3\nt", offset: 1 }), KEYS, DATA), "w")).toEqual([3, 4]);
  });

  it("is little-endian on every machine", async () => {
    const head = Buffer.concat([LEGACY_HEAD.subarray(0, 21), Buffer.from("}Vlittle_endian\nI00\ns.")]);
    expect(await values(Buffer.concat([head, Buffer.from(`${vector(4)}.${KEYS}.`), DATA]), "w")).toEqual([1, 2, 3, 4]);
  });

  it("finds pickles that are longer than the first read", async () => {
    const names = Array.from({ length: 30_000 }, (_, i) => [`layer.${i}.with.a.name.of.some.length`, 0] as const);
    const file = torchLegacy({ model: { w: scalar(5) }, other: Object.fromEntries(names) });
    expect(file.length).toBeGreaterThan(2 ** 20);
    expect(await values(file, "w")).toEqual([5]);
  });
});

describe("a hostile or damaged legacy file is refused", () => {
  const huge = 2 ** 40;
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["only its magic number", LEGACY_HEAD.subarray(0, 15), /ends inside/],
    [
      "another protocol",
      Buffer.concat([LEGACY_HEAD.subarray(0, 15), Buffer.from("I1002\n.")]),
      /format version is not 1001/,
    ],
    ["a storage of 2^40 elements", written(vector(4, { elements: huge }), KEYS, DATA), /storages end at byte 4398046/],
    ["a storage of 2^53 - 1", written(vector(4, { elements: 2 ** 53 - 1 }), KEYS, DATA), /storages end at byte/],
    ["storages that are cut off", written(vector(4), KEYS, DATA.subarray(0, 20)), /it may be truncated/],
    ["no list of storages", written(vector(4), "N", DATA), /list of storages is not a list/],
    ["a storage listed twice", written(vector(4), "(V7\nV7\nl", DATA), /names 7, twice/],
    ["a storage without a tensor", written(vector(4), "(V8\nl", DATA), /names 8, twice or without/],
    ["a tensor without its storage", written(vector(4), "(l", DATA), /w: its storage 7 is not in the file/],
    ["a tensor beyond its storage", written(vector(5), KEYS, DATA), /reaches element 5 of storage 7, which has 4/],
    ["a view beyond its storage", written(vector(1, { view: "(V9\nI2\nI3\nt" }), KEYS, DATA), /a view beyond the 4/],
    [
      "a tensor beyond its view",
      written(vector(3, { view: "(V9\nI1\nI2\nt" }), KEYS, DATA),
      /reaches element 3 of storage 7, which has 2/,
    ],
    ["a view that is a number", written(vector(1, { view: "I3\n" }), KEYS, DATA), /a view beyond/],
  ];
  it.each(cases)("%s", async (_, bytes, message) => {
    const error: unknown = await open(bytes).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(message);
  });

  it("a storage whose own size is another, when it is read", async () => {
    const checkpoint = await open(written(vector(4), KEYS, storage([1, 2, 3, 4], 5)));
    await expect(checkpoint.tensors.get("w")!.read()).rejects.toThrow(/storage 7 has 5 elements .*; expected 4/);
  });

  it("one storage described as two types", async () => {
    const double = vector(4).replace("FloatStorage", "DoubleStorage");
    const both = `(${vector(4)}${double}t`;
    await expect(open(written(both, KEYS, DATA))).rejects.toThrow(/storage 7 has two different descriptions/);
  });
});
