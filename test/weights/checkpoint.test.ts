import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openFile } from "../../src/platform/node.js";
import { MemorySource, type ByteSource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import type { Checkpoint } from "../../src/weights/checkpoint.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { FormatError } from "../../src/weights/errors.js";
import { UnsupportedError } from "../../src/weights/unsupported-error.js";
import { OpaqueObject } from "../../src/weights/formats/pickle-values.js";
import { TensorRef } from "../../src/weights/formats/torch-objects.js";
import { zip } from "../support/zip.js";

const fixture = (name: string) => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
const openFixture = async (name: string) => openCheckpoint(await openFile(fixture(name)));
const openBytes = (bytes: Uint8Array) => openCheckpoint(new MemorySource(bytes, "x.pth"));

/** SHA-256 over every tensor's name, type, shape and row-major bytes, in the order of names. */
async function digest(tensors: Checkpoint["tensors"], maxBytes?: number): Promise<string> {
  const hash = createHash("sha256");
  for (const name of [...tensors.keys()].sort()) {
    const entry = tensors.get(name)!;
    hash.update(`${name} ${entry.dtype} [${entry.shape.join(",")}];`);
    for await (const { bytes } of entry.readChunks(maxBytes)) hash.update(bytes);
  }
  return hash.digest("hex");
}

async function values(checkpoint: Checkpoint, name: string): Promise<number[]> {
  const entry = checkpoint.tensors.get(name)!;
  return [...toFloat32(entry.dtype, await entry.read())];
}

describe("checkpoints as DALLE2-pytorch saved them", () => {
  // Digests of torch.load for the same files in torch 1.13.
  it("a prior's trainer save: pickled Version, config, optimizer", async () => {
    const checkpoint = await openFixture("prior-sample-ddpm/model.pth");
    expect([checkpoint.format, checkpoint.version, checkpoint.tensors.size]).toEqual(["torch", "1.14.2", 41]);
    expect(checkpoint.config).toMatchObject({ prior: { net: { dim: 32 } } });
    const expected = "89ffb30c110e5e3aa33e553593be7cb054728fc0ba688ed0919671a53e598488";
    expect(await digest(checkpoint.tensors, 1000)).toBe(expected);
    expect(await digest(checkpoint.tensors)).toBe(expected);
    await checkpoint.close();
  });

  it("a trainer save of 1.1.0: warm-up scheduler, optimizer and two EMAs beside the model", async () => {
    const checkpoint = await openFixture("dialect-1.1.0-prior-sample-cfg/model.pth");
    expect([checkpoint.version, checkpoint.container]).toEqual(["1.1.0", "trainer save"]);
    expect([checkpoint.tensors.size, checkpoint.clip.size]).toEqual([39, 38]);
    expect(await digest(checkpoint.tensors)).toBe("02d900bb0cbf9262a5d3960221ac33fa726f4da79bae7f0e0c50b336ce3bc297");
    // The saved CLIP, as `clip.clip.*`; the digest uses the names of the CLIP itself.
    expect(await digest(checkpoint.clip)).toBe("d85cde4d6c0298b3f0257cf023347a942ea947ee290a07a6a1af7f02b8142ce6");
    const tree = checkpoint.tree as ReadonlyMap<string, unknown>;
    expect(tree.get("ema_model")).toBeInstanceOf(Map);
    const scheduler = tree.get("warmup_scheduler") as OpaqueObject;
    expect(scheduler.type.toString()).toBe("pytorch_warmup.base.LinearWarmup");
    await checkpoint.close();
  });

  it("reads nothing of optimizer and EMA, and of the model only what is asked for", async () => {
    const file = await openFile(fixture("dialect-1.1.0-prior-sample-cfg/model.pth"));
    const counted = new CountedSource(file);
    const checkpoint = await openCheckpoint(counted);
    const [largest] = [...checkpoint.tensors.values()].sort((a, b) => b.byteLength - a.byteLength);
    const opened = counted.bytes;
    // The end of the zip may take up to 64 KiB; the rest is directory and pickle.
    expect(opened).toBeLessThan(file.size / 2);
    await largest!.read([1, 3]);
    expect(counted.bytes - opened).toBe(2 * largest!.rowBytes + 30);
    await checkpoint.close();
  });
});

class CountedSource implements ByteSource {
  bytes = 0;
  readonly name: string;
  readonly size: number;

  constructor(private readonly source: ByteSource) {
    this.name = source.name;
    this.size = source.size;
  }

  read(offset: number, length: number, signal?: AbortSignal) {
    this.bytes += length;
    return this.source.read(offset, length, signal);
  }

  close() {
    return this.source.close();
  }
}

describe.each(["torch/views.pth", "torch/views-legacy.pth"])("views of storages, as torch saved them in %s", (file) => {
  const sequence = (length: number) => Array.from({ length }, (_, i) => i);

  it("come contiguous and row-major", async () => {
    const checkpoint = await openFixture(file);
    expect(await values(checkpoint, "matrix")).toEqual(sequence(24));
    expect(checkpoint.tensors.get("transposed")!.shape).toEqual([6, 4]);
    expect(await values(checkpoint, "transposed")).toEqual(sequence(24).map((i) => (i % 4) * 6 + Math.floor(i / 4)));
    expect(await values(checkpoint, "slice")).toEqual([8, 9, 10, 14, 15, 16]);
    expect(await values(checkpoint, "expanded")).toEqual([7, 7, 7, 7, 7, 7]);
    expect(await values(checkpoint, "channelsLast")).toEqual(sequence(24));
    expect([checkpoint.tensors.get("scalar")!.shape, await values(checkpoint, "scalar")]).toEqual([[], [5]]);
    expect([checkpoint.tensors.get("empty")!.shape, await values(checkpoint, "empty")]).toEqual([[0, 3], []]);
    await checkpoint.close();
  });

  it("are cut by rows wherever their elements are", async () => {
    const checkpoint = await openFixture(file);
    for (const name of ["matrix", "transposed", "slice", "expanded", "channelsLast", "scalar"]) {
      const entry = checkpoint.tensors.get(name)!;
      const whole = await entry.read();
      for (let start = 0; start < entry.rowCount; start++)
        for (let end = start; end <= entry.rowCount; end++)
          expect(await entry.read([start, end])).toEqual(whole.slice(start * entry.rowBytes, end * entry.rowBytes));
    }
    await checkpoint.close();
  });

  const dtypes = {
    float64: "F64",
    float16: "F16",
    bfloat16: "BF16",
    int64: "I64",
    int32: "I32",
    int16: "I16",
    int8: "I8",
    uint8: "U8",
    bool: "BOOL",
  };
  it.each(Object.entries(dtypes))("of type %s", async (name, dtype) => {
    const checkpoint = await openFixture(file);
    expect(checkpoint.tensors.get(name)!.dtype).toBe(dtype);
    expect(await values(checkpoint, name)).toEqual([0, 1, dtype === "BOOL" ? 1 : 100]);
    await checkpoint.close();
  });
});

it("a TorchScript archive gives its parameters and buffers under their state-dict names", async () => {
  const checkpoint = await openFixture("torch/script.pt");
  expect(checkpoint.format).toBe("torchscript");
  expect([...checkpoint.tensors.keys()]).toEqual(["0.weight", "0.bias", "1.factor"]);
  expect(await values(checkpoint, "0.weight")).toEqual([0, 1, 2, 3, 4, 5]);
  expect(await values(checkpoint, "0.bias")).toEqual([-1, 1]);
  expect(await values(checkpoint, "1.factor")).toEqual([2, 3]);
  await checkpoint.close();
});

/** Protocol 2 for torch._utils._rebuild_tensor_v2 on storage "0"; numbers as protocol 0 integers. */
function tensor(fields: {
  type?: string;
  elements: number;
  offset?: number;
  shape: number[];
  strides: number[];
}): string {
  const int = (value: number) => `L${value}L\n`;
  const tuple = (values: number[]) => `(${values.map(int).join("")}t`;
  const { type = "FloatStorage", elements, offset = 0, shape, strides } = fields;
  const storage = `(Vstorage\nctorch\n${type}\nV0\nVcpu\n${int(elements)}tQ`;
  return `ctorch._utils\n_rebuild_tensor_v2\n(${storage}${int(offset)}${tuple(shape)}${tuple(strides)}I00\n}tR`;
}

const model = (value: string) => `}Vw\n${value}s.`;
const archive = (pickle: string, storage = new Uint8Array(16)) =>
  zip([
    ["m/data.pkl", Buffer.from(pickle, "latin1")],
    ["m/data/0", storage],
  ]);

describe("a hostile or damaged checkpoint is refused", () => {
  const huge = 2 ** 40;
  const cases: readonly (readonly [string, Uint8Array, RegExp])[] = [
    ["an empty file", new Uint8Array(), /it is empty/],
    ["a web page", Buffer.from("<!doctype html><title>Sign in"), /looks like a web page/],
    ["a zip without pickle", zip([["readme.txt", new Uint8Array(3)]]), /0 files data\.pkl/],
    [
      "a zip with two",
      zip([
        ["a/data.pkl", new Uint8Array(3)],
        ["b/data.pkl", new Uint8Array(3)],
      ]),
      /2 files data\.pkl/,
    ],
    ["a dict without tensors", archive("}Vstep\nI1\ns."), /it contains no model.*keys step/],
    ["a list", archive("(lI1\na."), /it contains (no dict|a list of 1, not a dict)/],
    ["a pickle that is cut", archive("}Vw\n"), /ends inside/],
    [
      "a storage of 2^40 elements",
      archive(model(tensor({ elements: huge, shape: [huge], strides: [1] }))),
      /w: its storage m\/data\/0 has 16 bytes; expected 4398046511104/,
    ],
    [
      "a tensor beyond its storage",
      archive(model(tensor({ elements: 4, offset: 1, shape: [4], strides: [1] }))),
      /reaches element 5 of storage 0, which has 4/,
    ],
    ["strides beyond it", archive(model(tensor({ elements: 4, shape: [2, 2], strides: [3, 1] }))), /reaches element 5/],
    [
      "a negative stride",
      archive(model(tensor({ elements: 4, offset: 3, shape: [4], strides: [-1] }))),
      /invalid offset, shape or strides/,
    ],
    ["a shape without strides", archive(model(tensor({ elements: 4, shape: [4], strides: [] }))), /invalid offset/],
    [
      "1000 dimensions",
      archive(model(tensor({ elements: 4, shape: Array<number>(1000).fill(1), strides: Array<number>(1000).fill(1) }))),
      /invalid offset/,
    ],
    [
      "a shape whose product overflows",
      archive(model(tensor({ elements: 4, shape: [huge, huge], strides: [0, 0] }))),
      /too many bytes/,
    ],
    ["a persistent id of another kind", archive("}Vw\nVmodule\nQs."), /it contains no model.*keys w/],
    [
      "a missing storage",
      zip([["m/data.pkl", Buffer.from(model(tensor({ elements: 4, shape: [4], strides: [1] })))]]),
      /m\/data\/0 is not in the archive/,
    ],
    [
      "an unknown byte order",
      zip([
        ["m/data.pkl", new Uint8Array(1)],
        ["m/byteorder", Buffer.from("middle")],
      ]),
      /byte order is "middle"/,
    ],
    [
      "a config that contains itself twice",
      archive(
        `}(Vmodel\n${model(tensor({ elements: 4, shape: [4], strides: [1] })).slice(0, -1)}Vconfig\n}q\x00(Va\nh\x00Vb\nh\x00uu.`,
      ),
      /its objects (expand to far more|need too much memory)/,
    ],
  ];
  it.each(cases)("%s", async (_, bytes, message) => {
    const error: unknown = await openBytes(bytes).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(/x\.pth/);
    expect(String(error)).toMatch(message);
  });

  it.each(["torch/views.pth", "torch/views-legacy.pth"])("%s, cut anywhere", async (file) => {
    const whole = readFileSync(fixture(file));
    for (let length = 0; length < whole.length; length += 61)
      await expect(openBytes(whole.subarray(0, length)), `${length} bytes`).rejects.toThrow(FormatError);
  });

  it("and its source is closed", async () => {
    let closed = 0;
    const source = new MemorySource(new Uint8Array(4));
    source.close = () => {
      closed++;
      return Promise.resolve();
    };
    await expect(openCheckpoint(source)).rejects.toThrow(FormatError);
    expect(closed).toBe(1);
  });

  it("an expanded tensor of terabytes opens, but cannot be read", async () => {
    const checkpoint = await openBytes(archive(model(tensor({ elements: 4, shape: [huge], strides: [0] }))));
    const entry = checkpoint.tensors.get("w")!;
    await expect(entry.read()).rejects.toThrow(/its \d+ bytes repeat the 16 that are stored/);
    await expect(entry.read([huge - 2, huge])).rejects.toThrow(UnsupportedError);
  });
});

describe("where the model is", () => {
  const w = tensor({ elements: 4, shape: [4], strides: [1] });
  const names = async (pickle: string) => [...(await openBytes(archive(pickle))).tensors.keys()];

  it("is a bare state dict, or is under model or state_dict", async () => {
    expect(await names(`}Vw\n${w}s.`)).toEqual(["w"]);
    expect(await names(`}(Vmodel\n}Va\n${w}sVema_model\n}Vb\n${w}su.`)).toEqual(["a"]);
    expect(await names(`}(Vepoch\nI3\nVstate_dict\n}Va\n${w}su.`)).toEqual(["a"]);
  });

  it("is not the optimizer or a stray tensor", async () => {
    await expect(names(`}(Vstep\n${w}Voptimizer\n}Vstate\n${w}su.`)).rejects.toThrow(/keys step, optimizer/);
  });

  it("keeps the tree, with tensors as references", async () => {
    const { tree } = await openBytes(archive(`}(Vmodel\n}Va\n${w}sVversion\nV1.2.2\nu.`));
    const container = tree as ReadonlyMap<string, ReadonlyMap<string, unknown>>;
    expect(container.get("model")!.get("a")).toBeInstanceOf(TensorRef);
    expect(container.get("version")).toBe("1.2.2");
  });
});
