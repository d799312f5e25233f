import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { openFile } from "../../src/platform/node.js";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import type { Checkpoint } from "../../src/weights/checkpoint.js";
import { convertCheckpoint, type ConvertOptions } from "../../src/models/convert.js";
import { f16ToFloat32, float32ToF16 } from "../../src/tensor/half.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { writeSafetensors, type TensorData } from "../../src/weights/formats/safetensors.js";
import { collect } from "../support/collect.js";

const openBytes = (bytes: Uint8Array) => openCheckpoint(new MemorySource(bytes, "x.safetensors"));

async function converted(checkpoint: Checkpoint, options?: ConvertOptions): Promise<Checkpoint> {
  return openBytes(Buffer.concat(await collect(convertCheckpoint(checkpoint, options))));
}

async function written(tensors: readonly TensorData[], metadata?: ReadonlyMap<string, string>): Promise<Checkpoint> {
  return openBytes(Buffer.concat(await collect(writeSafetensors(tensors, metadata))));
}

function f32(name: string, shape: number[], values: number[]): TensorData {
  return { name, dtype: "F32", shape, chunks: () => [new Uint8Array(Float32Array.from(values).buffer)] };
}

const prior = async () =>
  openCheckpoint(await openFile(fileURLToPath(new URL("../fixtures/prior-sample-ddpm/model.pth", import.meta.url))));

describe("converting a torch checkpoint", () => {
  it("keeps names, shapes, bytes, version and config", async () => {
    const source = await prior();
    const result = await converted(source);
    expect(result.metadata.get("format")).toBe("dalle2-webgpu");
    expect([result.format, result.version, result.config]).toEqual(["safetensors", source.version, source.config]);
    expect([...result.tensors.keys()].sort()).toEqual([...source.tensors.keys()].sort());
    for (const [name, entry] of source.tensors) {
      const copy = result.tensors.get(name)!;
      expect([name, copy.dtype, copy.shape]).toEqual([name, entry.dtype, entry.shape]);
      expect(await copy.read()).toEqual(await entry.read());
    }
    await source.close();
  });

  it("rounds matrices and kernels to f16, but not vectors", async () => {
    const source = await prior();
    const result = await converted(source, { dtype: "f16" });
    let matrices = 0;
    for (const [name, entry] of source.tensors) {
      const copy = result.tensors.get(name)!;
      if (entry.dtype !== "F32" || entry.shape.length < 2) {
        expect([copy.dtype, await copy.read()]).toEqual([entry.dtype, await entry.read()]);
        continue;
      }
      matrices++;
      expect(copy.dtype).toBe("F16");
      const rounded = f16ToFloat32(float32ToF16(toFloat32("F32", await entry.read())));
      expect(toFloat32("F16", await copy.read())).toEqual(rounded);
    }
    expect(matrices).toBe(18);
    await source.close();
  });

  it("refuses a value that f16 cannot represent, with the tensor's name", async () => {
    const source = await written([f32("w", [1, 2], [1, 70000])]);
    await expect(converted(source, { dtype: "f16" })).rejects.toThrow(/w: the value 70000 does not fit into f16/);
    expect(await (await converted(source, { dtype: "f32" })).tensors.get("w")!.read()).toHaveLength(8);
  });

  it("keeps infinities and NaN", async () => {
    const source = await written([f32("w", [1, 3], [Infinity, -Infinity, NaN])]);
    const result = await converted(source, { dtype: "f16" });
    expect([...toFloat32("F16", await result.tensors.get("w")!.read())]).toEqual([Infinity, -Infinity, NaN]);
  });
});

describe("a table stored by its used rows", () => {
  const rows = 50;
  const used = [0, 7, 8, 31, 49];
  const table = Array.from({ length: rows * 3 }, (_, i) => (used.includes(Math.floor(i / 3)) ? i + 1 : 0));
  const source = () => written([f32("token_embedding.weight", [rows, 3], table), f32("bias", [2], [1, 2])]);
  const sparse = async () => converted(await source(), { sparseRows: ["token_embedding.weight"] });

  it("reads as the table it was, whole and by any rows", async () => {
    const original = (await source()).tensors.get("token_embedding.weight")!;
    const result = await sparse();
    expect([...result.tensors.keys()].sort()).toEqual(["bias", "token_embedding.weight"]);
    const restored = result.tensors.get("token_embedding.weight")!;
    expect([restored.shape, restored.dtype]).toEqual([[rows, 3], "F32"]);
    for (let start = 0; start <= rows; start++)
      for (let end = start; end <= rows; end += 3)
        expect(await restored.read([start, end])).toEqual(await original.read([start, end]));
    expect(await restored.read()).toEqual(await original.read());
  });

  it("takes the room of those rows", async () => {
    const result = await sparse();
    expect(result.metadata.get("sparse_shape")).toBe('{"token_embedding.weight":[50,3]}');
    const dense = Buffer.concat(await collect(convertCheckpoint(await source())));
    const bytes = Buffer.concat(
      await collect(convertCheckpoint(await source(), { sparseRows: ["token_embedding.weight"] })),
    );
    expect(dense.length - bytes.length).toBeGreaterThan((rows - used.length) * 12 - 250);
  });

  it("converts again to the same bytes", async () => {
    const options = { sparseRows: ["token_embedding.weight"] };
    const once = Buffer.concat(await collect(convertCheckpoint(await source(), options)));
    const twice = Buffer.concat(await collect(convertCheckpoint(await openBytes(once), options)));
    expect(twice).toEqual(once);
  });

  it("may have no used row at all", async () => {
    const zeros = await written([f32("w", [4, 2], Array<number>(8).fill(0))]);
    const result = await converted(zeros, { sparseRows: ["w"] });
    expect(await result.tensors.get("w")!.read()).toEqual(new Uint8Array(32));
  });

  it("must exist", async () => {
    await expect(converted(await source(), { sparseRows: ["embedding"] })).rejects.toThrow(/no tensor embedding/);
  });

  const i32 = (values: number[]): TensorData => ({
    name: "w.rows",
    dtype: "I32",
    shape: [values.length],
    chunks: () => [new Uint8Array(Int32Array.from(values).buffer)],
  });
  const damaged: readonly (readonly [string, readonly TensorData[], string, RegExp])[] = [
    ["no JSON", [f32("w", [0, 2], [])], "{", /not JSON/],
    ["no shapes", [f32("w", [0, 2], [])], '{"w":"all"}', /does not map names to shapes/],
    ["no row numbers", [f32("w", [1, 2], [1, 2])], '{"w":[4,2]}', /rows are not in the file/],
    ["too few row numbers", [f32("w", [2, 1], [1, 2]), i32([0])], '{"w":[4,1]}', /do not fit the shape \[4, 1\]/],
    ["a row beyond the table", [f32("w", [1, 1], [1]), i32([4])], '{"w":[4,1]}', /do not fit the shape/],
    ["a negative row", [f32("w", [1, 1], [1]), i32([-1])], '{"w":[4,1]}', /do not fit the shape/],
    ["rows out of order", [f32("w", [2, 1], [1, 2]), i32([2, 1])], '{"w":[4,1]}', /do not fit the shape/],
    ["rows of another width", [f32("w", [1, 1], [1]), i32([0])], '{"w":[4,2]}', /do not fit the shape/],
    ["row numbers of another type", [f32("w", [1, 1], [1]), f32("w.rows", [1], [0])], '{"w":[4,1]}', /expected I32/],
  ];
  it.each(damaged)("is refused with %s", async (_, tensors, shapes, message) => {
    await expect(written(tensors, new Map([["sparse_shape", shapes]]))).rejects.toThrow(message);
  });
});

it("metadata that is not JSON is refused", async () => {
  await expect(written([f32("w", [1], [1])], new Map([["config", "{"]]))).rejects.toThrow(
    /metadata config is not JSON/,
  );
});
