import { describe, expect, it } from "vitest";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import type { Checkpoint } from "../../src/weights/checkpoint.js";
import { convertCheckpoint } from "../../src/models/convert.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { inspectCheckpoint } from "../../src/models/inspect.js";
import { UnsupportedError } from "../../src/weights/unsupported-error.js";
import { collect } from "../support/collect.js";
import {
  Call,
  f32,
  Global,
  PickleText,
  scalar,
  StorageId,
  TestTensor,
  torchLegacy,
  torchZip,
  Tuple,
  type TestStorage,
  type TestTree,
} from "../support/torch-file.js";

// Other content beside the weights must not be a reason to refuse them, and weights may be rebuilt in many ways.

const open = (bytes: Uint8Array) => openCheckpoint(new MemorySource(bytes, "x.pth"));

async function values({ tensors }: Checkpoint, name: string): Promise<number[]> {
  const entry = tensors.get(name)!;
  return [...toFloat32(entry.dtype, await entry.read())];
}

const writers = [
  ["zip", torchZip],
  ["legacy", torchLegacy],
] as const;

const bytes = (length: number): TestStorage => ({ dtype: "BYTES", bytes: new Uint8Array(length) });
const complex = () => new TestTensor([2], { dtype: "C64", bytes: new Uint8Array(16) });
const none = new Call("collections.OrderedDict", []);

/** A call of one of torch's functions. */
const utils = (name: string, ...args: readonly TestTree[]) => new Call(`torch._utils.${name}`, args);

/** A tensor of a type without a storage class, as torch saves it: over bytes. */
function untyped(dtype: string, content: Uint8Array, ...shape: number[]): Call {
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, size) => product * size, 1));
  const storage = new StorageId({ dtype: "BYTES", bytes: content });
  const place = [storage, 0, new Tuple(...shape), new Tuple(...strides)];
  return utils("_rebuild_tensor_v3", ...place, false, none, new Global(`torch.${dtype}`));
}

const quantised = () =>
  utils(
    "_rebuild_qtensor",
    new StorageId({ dtype: "QUINT8", bytes: new Uint8Array(4) }),
    0,
    new Tuple(4),
    new Tuple(1),
    new Tuple(new Global("torch.per_tensor_affine"), 0.1, 3),
    false,
    none,
  );
const sparse = () =>
  utils(
    "_rebuild_sparse_tensor",
    new Global("torch.sparse_coo"),
    new Tuple(f32([1, 1], [0]), f32([1], [5]), new Call("torch.Size", [new Tuple(3)])),
  );
const meta = () =>
  utils("_rebuild_meta_tensor_no_storage", new Global("torch.float32"), new Tuple(2, 3), new Tuple(3, 1), false);

describe.each(writers)("a %s file loads, with any other content beside the model", (_, write) => {
  const others: readonly (readonly [string, () => TestTree])[] = [
    ["a complex tensor", complex],
    ["a quantised tensor", quantised],
    ["a sparse tensor", sparse],
    ["a meta tensor", meta],
    ["a tensor of float8", () => untyped("float8_e4m3fn", Uint8Array.of(0x38), 1)],
    ["a tensor of uint16", () => untyped("uint16", Uint8Array.of(1, 0), 1)],
    ["a tensor of complex32", () => untyped("complex32", new Uint8Array(4), 1)],
    ["a tensor of bits8", () => untyped("bits8", new Uint8Array(4), 4)],
    ["a tensor of a type to come", () => untyped("float2_x4", new Uint8Array(4), 4)],
    ["an untyped storage", () => new StorageId(bytes(10))],
    ["a nested tensor", () => utils("_rebuild_nested_tensor", f32([2], [1, 2]), scalar(1), scalar(1), scalar(0))],
    [
      "a wrapper without storage",
      () =>
        utils(
          "_rebuild_wrapper_subclass",
          new Global("lib.Wrapped"),
          new Global("torch.float32"),
          new Tuple(2),
          new Tuple(1),
          0,
          new Global("torch.strided"),
          new Call("torch.device", ["cpu"]),
          false,
        ),
    ],
    ["a parameter without values", () => new Call("torch.nn.parameter.UninitializedParameter", [true])],
    ["a device and a dtype", () => [new Call("torch.device", ["cuda", 0]), new Global("torch.bfloat16")]],
    ["objects of unknown classes", () => new Call("lib.Thing", [1, "a"], { a: [new Call("lib.Part", [])] })],
    ["None, numbers and text", () => [null, 1, 0.5, true, "text \u00e9"]],
    ["bytes", () => new PickleText("C\x03\x00\xff\n")],
    ["a dict of tuples", () => new PickleText("}(I1\nI2\ntI3\ns")],
  ];
  it.each(others)("%s", async (_, other) => {
    const checkpoint = await open(write({ model: { w: scalar(7) }, other: other(), version: "1.6.5" }));
    expect([...checkpoint.tensors.keys()]).toEqual(["w"]);
    expect([checkpoint.version, await values(checkpoint, "w")]).toEqual(["1.6.5", [7]]);
  });
});

describe.each(writers)("a tensor among the weights of a %s file that is not read", (_, write) => {
  const kinds: readonly (readonly [string, () => TestTree, string, RegExp])[] = [
    ["complex", complex, "complex64", /tensor other is of type complex64: values of type complex64 are not supported/],
    ["quantised", quantised, "quint8", /quantised values are not supported/],
    ["sparse", sparse, "sparse F32", /save it with to_dense\(\)/],
    ["meta", meta, "F32", /a meta tensor has no values/],
    ["of bits", () => untyped("bits8", new Uint8Array(4), 4), "bits8", /type bits8 are not supported/],
    ["of a type to come", () => untyped("float2_x4", new Uint8Array(4), 4), "unknown", /element type is unknown/],
    [
      "over a storage that is no storage",
      () => utils("_rebuild_tensor_v2", new Call("lib.Storage", []), 0, new Tuple(2), new Tuple(1), false, none),
      "unknown",
      /its storage is not in this file/,
    ],
  ];
  it.each(kinds)(
    "%s: is listed, left out of a converted file, and refused when it is asked for",
    async (_, make, type, message) => {
      const checkpoint = await open(write({ w: scalar(7), other: make() }));
      const { tensors } = await inspectCheckpoint(checkpoint);
      expect(tensors.map(({ name, dtype }) => [name, dtype])).toEqual([
        ["w", "F32"],
        ["other", type],
      ]);
      const reading = checkpoint.tensors.get("other")!.read();
      await expect(reading).rejects.toThrow(UnsupportedError);
      await expect(reading).rejects.toThrow(message);
      await expect(collect(checkpoint.tensors.get("other")!.readChunks())).rejects.toThrow(UnsupportedError);
      const converted = await open(Buffer.concat(await collect(convertCheckpoint(checkpoint))));
      expect([...converted.tensors.keys()]).toEqual(["w"]);
    },
  );
});

describe.each(writers)("weights of a %s file", (_, write) => {
  const plain = () => f32([2], [1, -2]);
  const v2 = (tensor: TestTensor, metadata?: TestTree): readonly TestTree[] => [
    new StorageId(tensor.storage),
    0,
    new Tuple(...tensor.shape),
    new Tuple(...tensor.strides),
    false,
    none,
    ...(metadata === undefined ? [] : [metadata]),
  ];
  const rebuilt: readonly (readonly [string, () => TestTree, number[]?])[] = [
    ["of the first format", () => utils("_rebuild_tensor", ...v2(plain()).slice(0, 4))],
    ["that are parameters", () => utils("_rebuild_parameter", plain(), true, none)],
    ["that are parameters with state", () => utils("_rebuild_parameter_with_state", plain(), true, none, { tag: 1 })],
    ["that are parameters by their class", () => new Call("torch.nn.parameter.Parameter", [plain(), false])],
    ["that are buffers", () => new Call("torch.nn.parameter.Buffer", [plain()])],
    [
      "of XLA",
      () => utils("_rebuild_device_tensor_from_cpu_tensor", plain(), new Global("torch.float32"), "xla:0", false),
    ],
    [
      "with attributes",
      () =>
        new Call("torch._tensor._rebuild_from_type_v2", [
          new Global("torch._utils._rebuild_tensor_v2"),
          new Global("torch.Tensor"),
          new Tuple(...v2(plain())),
          { tag: [1] },
        ]),
    ],
    [
      "of a subclass, as older versions wrote it",
      () =>
        new Call("torch.tensor._rebuild_from_type", [
          new Global("torch._utils._rebuild_parameter"),
          new Global("lib.Weight"),
          new Tuple(plain(), true, none),
          {},
        ]),
    ],
    ["with a state of their own", () => new Call("torch._utils._rebuild_tensor_v2", v2(plain()), { tag: 1 })],
    ["in a negative view", () => utils("_rebuild_tensor_v2", ...v2(plain(), { neg: true })), [-1, 2]],
    [
      "in a negative view of f16",
      () => {
        const half = new TestTensor([2], { dtype: "F16", bytes: Uint8Array.of(0, 0x3c, 0, 0xc0) });
        return utils("_rebuild_tensor_v2", ...v2(half, { neg: true }));
      },
      [-1, 2],
    ],
    [
      "in a negative view of integers",
      () => {
        const long = new TestTensor([2], { dtype: "I64", bytes: new Uint8Array(BigInt64Array.of(1n, -2n).buffer) });
        return utils("_rebuild_tensor_v2", ...v2(long, { neg: true }));
      },
      [-1, 2],
    ],
    [
      "in a conjugate view, which says nothing of real numbers",
      () => utils("_rebuild_tensor_v2", ...v2(plain(), { conj: true, neg: false })),
    ],
    ["in uint16", () => untyped("uint16", new Uint8Array(Uint16Array.of(1, 65535).buffer), 2), [1, 65535]],
    ["in uint32", () => untyped("uint32", new Uint8Array(Uint32Array.of(1, 2 ** 31).buffer), 2), [1, 2 ** 31]],
    ["in uint64", () => untyped("uint64", new Uint8Array(BigUint64Array.of(1n, 2n ** 63n).buffer), 2), [1, 2 ** 63]],
    ["in float8", () => untyped("float8_e4m3fn", Uint8Array.of(0x38, 0xc0), 2)],
    ["in float16 over bytes", () => untyped("float16", Uint8Array.of(0, 0x3c, 0, 0xc0), 2)],
  ];
  const cases = rebuilt.map(([name, make, expected = [1, -2]]) => [name, make, expected] as const);
  it.each(cases)("%s", async (_, make, expected) => {
    const checkpoint = await open(write({ w: make() }));
    expect([...checkpoint.tensors.keys()]).toEqual(["w"]);
    expect(await values(checkpoint, "w")).toEqual(expected);
  });

  it("that are arrays of numpy", async () => {
    const array =
      "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\x01btR(I1\n(I2\nt" +
      "cnumpy\ndtype\n(Vf4\nI00\nI01\ntR(I3\nV>\nNNNI-1\nI-1\nI0\ntbI00\nC\x08\x3f\x80\x00\x00\xc0\x00\x00\x00tb";
    expect(await values(await open(write({ state_dict: { w: new PickleText(array) } })), "w")).toEqual([1, -2]);
    const xla = (name: string) => utils(name, new PickleText(array), new Global("torch.bfloat16"), "xla:0", false);
    for (const name of ["_rebuild_device_tensor_from_numpy", "_rebuild_xla_tensor"])
      expect(await values(await open(write({ w: xla(name) })), "w")).toEqual([1, -2]);
  });

  it("before a storage of an unknown type, and after it", async () => {
    const unknown = new TestTensor([2], { dtype: "UNKNOWN", bytes: new Uint8Array(6) });
    const checkpoint = await open(write({ model: { first: scalar(1), unknown, last: scalar(2) } }));
    expect(await values(checkpoint, "first")).toEqual([1]);
    await expect(checkpoint.tensors.get("unknown")!.read()).rejects.toThrow(UnsupportedError);
    // The legacy format does not say where the next storage begins.
    if (write === torchZip) expect(await values(checkpoint, "last")).toEqual([2]);
    else await expect(checkpoint.tensors.get("last")!.read()).rejects.toThrow(/follows one whose element type/);
  });
});

it("deflated storages, whole and in chunks", async () => {
  const matrix = Array.from({ length: 3000 }, (_, i) => i % 17);
  const checkpoint = await open(torchZip({ w: f32([100, 30], matrix), v: f32([2], [1, -2]) }, { deflate: true }));
  expect(await values(checkpoint, "w")).toEqual(matrix);
  const chunks = await collect(checkpoint.tensors.get("w")!.readChunks(500));
  expect(chunks.length).toBe(25);
  expect([...toFloat32("F32", Buffer.concat(chunks.map(({ bytes }) => bytes)))]).toEqual(matrix);
});

it("numbers of a machine that begins with their largest digits", async () => {
  const big = new Uint8Array(8);
  new DataView(big.buffer).setFloat32(0, 1);
  new DataView(big.buffer).setFloat32(4, -2);
  const tensor = new TestTensor([2], { dtype: "F32", bytes: big });
  const small = untyped("uint8", Uint8Array.of(1, 2), 2);
  const file = torchZip({ w: tensor, u: small }, {}, [["m/byteorder", Buffer.from("big")]]);
  const checkpoint = await open(file);
  expect(await values(checkpoint, "w")).toEqual([1, -2]);
  expect(await values(checkpoint, "u")).toEqual([1, 2]);
});

it("rows of a negative view", async () => {
  const matrix = f32([3, 2], [1, 2, 3, 4, 5, 6]);
  const place = [new StorageId(matrix.storage), 0, new Tuple(2, 3), new Tuple(1, 2), false, none, { neg: true }];
  const { tensors } = await open(torchZip({ w: utils("_rebuild_tensor_v2", ...place) }));
  const row = await tensors.get("w")!.read([1, 2]);
  expect([...toFloat32("F32", row)]).toEqual([-2, -4, -6]);
});

describe("a tensor that repeats what is stored", () => {
  const expanded = (rows: number, columns: number) =>
    utils(
      "_rebuild_tensor_v2",
      new StorageId({ dtype: "F32", bytes: new Uint8Array(4) }),
      0,
      new Tuple(rows, columns),
      new Tuple(0, 0),
      false,
      none,
    );

  it("is read, up to 64 MiB", async () => {
    const checkpoint = await open(torchZip({ w: scalar(1), mask: expanded(3, 2) }));
    expect(await values(checkpoint, "mask")).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it.each([
    ["of many rows", 1e9, 1000],
    ["of one row", 1, 4e8],
  ])("is left out beyond, so that a few bytes fill neither disk nor memory: %s", async (_, rows, columns) => {
    const checkpoint = await open(torchZip({ w: scalar(1), mask: expanded(rows, columns) }));
    expect((await collect(convertCheckpoint(checkpoint))).length).toBeLessThan(1000);
    const reading = checkpoint.tensors.get("mask")!.read([0, 1]);
    await expect(reading).rejects.toThrow(/mask is of type F32: its \d+ bytes repeat the 4 that are stored/);
    await expect(reading).rejects.toBeInstanceOf(UnsupportedError);
  });
});

it("a date is not a version", async () => {
  expect((await open(torchZip({ model: { w: scalar(1) }, version: "2023-01-01" }))).version).toBeUndefined();
  expect((await open(torchZip({ model: { w: scalar(1) }, version: "v1.2.3" }))).version).toBe("v1.2.3");
});
