import { ArgumentError } from "../../src/platform/arguments.js";
import { describe, expect, it } from "vitest";
import { collect } from "../support/collect.js";
import { MemorySource } from "../../src/platform/source.js";
import { FormatError } from "../../src/weights/errors.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { UnsupportedError } from "../../src/weights/unsupported-error.js";
import { openSafetensors, writeSafetensors, type TensorData } from "../../src/weights/formats/safetensors.js";

/** A file from the text of its header and its data, with correct lengths. */
function file(header: string, data: Uint8Array = new Uint8Array()): Buffer {
  const text = Buffer.from(header);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, data]);
}

const open = (bytes: Uint8Array) => openSafetensors(new MemorySource(bytes, "x.safetensors"));

const bytesOf = async (chunks: AsyncIterable<Uint8Array>) => Buffer.concat(await collect(chunks));

const f32 = (...values: number[]) => new Uint8Array(Float32Array.of(...values).buffer);

const four = new Uint8Array(4);

describe("reading", () => {
  it("gives tensors by name, whole, by rows and in chunks", async () => {
    const header = `{"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[3,2],"data_offsets":[4,28]},"s":{"dtype":"I32","shape":[],"data_offsets":[0,4]}}  `;
    const { metadata, tensors } = await open(
      file(header, Buffer.concat([Uint8Array.of(7, 0, 0, 0), f32(1, 2, 3, 4, 5, 6)])),
    );
    expect([...metadata]).toEqual([["a", "b"]]);
    const w = tensors.get("w")!;
    expect([w.dtype, w.shape, w.byteLength]).toEqual(["F32", [3, 2], 24]);
    expect(await w.read()).toEqual(f32(1, 2, 3, 4, 5, 6));
    expect(await w.read([1, 2])).toEqual(f32(3, 4));
    expect(await w.read([3, 3])).toHaveLength(0);
    const chunks = await collect(w.readChunks(17));
    expect(chunks).toEqual([
      { rows: [0, 2], bytes: f32(1, 2, 3, 4) },
      { rows: [2, 3], bytes: f32(5, 6) },
    ]);
    expect(await tensors.get("s")!.read()).toEqual(Uint8Array.of(7, 0, 0, 0));
  });

  const read = async (header: string, data?: Uint8Array) => (await open(file(header, data))).tensors;
  const one = (dtype: string, shape: string, bytes: number) =>
    `{"w":{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[0,${bytes}]}}`;

  it("takes what the format's own library takes", async () => {
    expect((await open(file(`{"__metadata__":null,${one("U8", "1", 1).slice(1)}`, four.slice(3)))).metadata.size).toBe(
      0,
    );
    expect((await open(file(`{"__metadata__":{},${one("U8", "1", 1).slice(1)}`, four.slice(3)))).metadata.size).toBe(0);
    expect((await read(` \n\t${one("U8", "1", 1)}\r\n  `, four.slice(3))).size).toBe(1);
    expect(
      (await read(`{"b":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},${one("U8", "1", 1).slice(1)}`, four.slice(3)))
        .size,
    ).toBe(2);
    expect((await read(one("F32", "0, 1099511627776", 0))).get("w")!.byteLength).toBe(0);
    // Of a duplicate name, the last counts.
    const twice = `{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"w":{"dtype":"I32","shape":[1],"data_offsets":[0,4]}}`;
    expect((await read(twice, four)).get("w")!.dtype).toBe("I32");
  });

  it.each([
    ["U16", Uint8Array.of(255, 255), 65535],
    ["U32", Uint8Array.of(0, 0, 0, 128), 2 ** 31],
    ["U64", Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128), 2 ** 63],
    ["F8_E4M3", Uint8Array.of(0x7e), 448],
    ["F8_E5M2", Uint8Array.of(0xfb), -57344],
    ["F8_E8M0", Uint8Array.of(126), 0.5],
    ["F8_E4M3FNUZ", Uint8Array.of(0x7f), 240],
    ["F8_E5M2FNUZ", Uint8Array.of(0x01), 2 ** -17],
  ])("reads %s", async (dtype, data, value) => {
    const w = (await read(one(dtype, "1", data.length), data)).get("w")!;
    expect(toFloat32(w.dtype, await w.read())[0]).toBe(value);
  });

  it.each([
    ["C64", 1, 8],
    ["F4", 2, 1],
    ["F6_E2M3", 4, 3],
    ["F6_E3M2", 4, 3],
  ])("lists %s, and refuses only its values", async (dtype, count, bytes) => {
    const w = (await read(one(dtype, `${count}`, bytes), new Uint8Array(bytes))).get("w")!;
    expect([w.dtype, w.typeName, w.shape]).toEqual(["unsupported", dtype, [count]]);
    await expect(w.read()).rejects.toThrow(UnsupportedError);
    await expect(w.read()).rejects.toThrow(`x.safetensors: tensor w is of type ${dtype}`);
  });

  it("refuses rows that are not there", async () => {
    const { tensors } = await open(file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, f32(1, 2)));
    for (const rows of [
      [0, 3],
      [-1, 1],
      [1, 0],
      [0, 0.5],
    ] as const)
      await expect(tensors.get("w")!.read(rows)).rejects.toThrow(ArgumentError);
  });

  it("takes names that JavaScript finds special for names", async () => {
    const { tensors } = await open(
      file(`{"__proto__":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, Uint8Array.of(5)),
    );
    expect(await tensors.get("__proto__")!.read()).toEqual(Uint8Array.of(5));
  });
});

const entry = (fields: string) => `{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]${fields}}}`;
const two = (a: string, b: string) => `{"a":{"dtype":"U8",${a}},"b":{"dtype":"U8",${b}}}`;

const damaged: readonly (readonly [string, Uint8Array, RegExp])[] = [
  ["an empty file", new Uint8Array(0), /too few/],
  ["a cut length", Uint8Array.of(1, 0, 0), /too few/],
  ["no header", file(""), /not JSON/],
  [
    "a header longer than the file",
    Buffer.concat([Uint8Array.of(255, 0, 0, 0, 0, 0, 0, 0), Buffer.from("{}")]),
    /255 bytes, but 2 follow/,
  ],
  ["a header of 2^63 bytes", Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 128, 0x7b), /should have 9223372036854775808 bytes/],
  ["a header that is no JSON", file("{'w': 1}"), /not JSON/],
  ["a header that is no UTF-8", file("{}").fill(0xff, 8), /not JSON in UTF-8/],
  ["a header that is a list", file("[]"), /not a JSON object/],
  ["an entry that is a number", file(`{"w":1}`), /w: its header entry/],
  ["metadata that is no text", file(`{"__metadata__":{"step":1}}`), /step is not a string/],
  ["an unknown dtype", file(`{"w":{"dtype":"F7","shape":[4],"data_offsets":[0,4]}}`, four), /dtype is F7, not one of/],
  [
    "a dtype of the prototype",
    file(`{"w":{"dtype":"toString","shape":[4],"data_offsets":[0,4]}}`, four),
    /dtype is toString, not one of/,
  ],
  ["a negative size", file(`{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}`, four), /not a list of sizes/],
  [
    "a size with a fraction",
    file(`{"w":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}`, four),
    /not a list of sizes/,
  ],
  [
    "a shape larger than its data",
    file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}`, four),
    /span 4 bytes.*takes 8/,
  ],
  [
    "a product of sizes that overflows",
    file(`{"w":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}`),
    /more elements than can be counted/,
  ],
  ["data before it starts", file(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}`, four), /span -4 bytes/],
  ["three positions", file(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4,8]}}`, four), /not a pair/],
  ["no positions", file(`{"w":{"dtype":"F32","shape":[1]}}`, four), /not a pair/],
  ["half a byte", file(`{"w":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}`, four.slice(3)), /takes 1\.5/],
  [
    "a shape beyond all numbers beside an axis of size 0",
    file(`{"w":{"dtype":"F32","shape":[0${",9007199254740991".repeat(25)}],"data_offsets":[0,0]}}`),
    /more elements than can be counted/,
  ],
  [
    "the same with the axis of size 0 at the end",
    file(`{"w":{"dtype":"F32","shape":[${"9007199254740991,".repeat(25)}0],"data_offsets":[0,0]}}`),
    /more elements than can be counted/,
  ],
  ["metadata given twice", file(`{"__metadata__":{},"__metadata__":{}}`), /__metadata__ more than once/],
  ["a type given twice", file(entry(`,"dtype":"I32"`), four), /the dtype of a tensor more than once/],
  [
    "a type given twice, once escaped",
    file(entry(`,"\\u0064type":"I32"`), four),
    /the dtype of a tensor more than once/,
  ],
  [
    "a name given twice, for other bytes",
    file(
      `{"w":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"w":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}`,
      four,
    ),
    /starts at 2, after a gap/,
  ],
  [
    "overlapping tensors",
    file(two(`"shape":[3],"data_offsets":[0,3]`, `"shape":[2],"data_offsets":[2,4]`), four),
    /b: its data starts at 2, inside/,
  ],
  [
    "a gap between tensors",
    file(two(`"shape":[1],"data_offsets":[0,1]`, `"shape":[2],"data_offsets":[2,4]`), four),
    /b: its data starts at 2, after a gap/,
  ],
  ["missing data", file(entry(""), four.slice(1)), /take 4 bytes, but 3 follow.*truncated/],
  ["data that no tensor claims", file(entry(""), new Uint8Array(5)), /longer than its header says/],
];

describe("a damaged file is refused", () => {
  it.each(damaged)("for %s", async (_, bytes, message) => {
    const error: unknown = await open(bytes).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(/x\.safetensors/);
    expect(String(error)).toMatch(message);
  });

  it("with deep nesting in its header", async () => {
    const nested = `{"w":${"[".repeat(200_000)}${"]".repeat(200_000)}}`;
    await expect(open(file(nested))).rejects.toThrow(FormatError);
    await expect(open(file(`${" ".repeat(9)}${"[".repeat(200_000)}${"]".repeat(200_000)}`))).rejects.toThrow(
      /x\.safetensors: .*nests lists or objects more than 64 levels deep/,
    );
  });
});

describe("writing", () => {
  const tensor = (name: string, dtype: TensorData["dtype"], shape: number[], ...parts: Uint8Array[]): TensorData => ({
    name,
    dtype,
    shape,
    chunks: () => parts,
  });

  it("gives aligned data for any order of the tensors", async () => {
    const tensors = [
      tensor("odd", "U8", [3], Uint8Array.of(1, 2, 3)),
      tensor("half", "F16", [1], Uint8Array.of(0, 0x3c)),
      tensor("wide", "F32", [2, 1], f32(1), f32(2)),
      tensor("none", "F32", [0, 4]),
    ];
    const metadata = new Map([["version", "1.14.2"]]);
    const bytes = await bytesOf(writeSafetensors(tensors, metadata));
    expect(await bytesOf(writeSafetensors([...tensors].reverse(), metadata))).toEqual(bytes);
    expect((8 + Number(bytes.readBigUInt64LE())) % 8).toBe(0);
    const read = await open(bytes);
    expect([...read.metadata]).toEqual([["version", "1.14.2"]]);
    expect([...read.tensors.keys()]).toEqual(["none", "wide", "half", "odd"]);
    expect(await read.tensors.get("wide")!.read()).toEqual(f32(1, 2));
    expect(await read.tensors.get("odd")!.read()).toEqual(Uint8Array.of(1, 2, 3));
    expect(read.tensors.get("none")!.shape).toEqual([0, 4]);
  });

  it("refuses data of another length than the shape's, and a name given twice", async () => {
    await expect(bytesOf(writeSafetensors([tensor("w", "F32", [2], f32(1))]))).rejects.toThrow(
      /w gave 4 bytes.*takes 8/,
    );
    const twice = [tensor("w", "U8", [0]), tensor("w", "U8", [0])];
    await expect(bytesOf(writeSafetensors(twice))).rejects.toThrow(/cannot have two tensors named w/);
  });
});
