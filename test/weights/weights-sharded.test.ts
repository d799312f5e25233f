import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openSource } from "../../src/files/open.js";
import { FileError } from "../../src/platform/errors.js";
import { MemorySource } from "../../src/platform/source.js";
import { openCheckpoint } from "../../src/models/open-checkpoint.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { FormatError } from "../../src/weights/errors.js";
import { writeSafetensors } from "../../src/weights/formats/safetensors.js";
import { collect } from "../support/collect.js";
import { scalar, torchLegacy, torchZip, type TestTree } from "../support/torch-file.js";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "dalle2-shards-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function shard(tensors: Record<string, number>, metadata: Record<string, string> = {}): Promise<Buffer> {
  const written = Object.entries(tensors).map(([name, value]) => ({
    name,
    dtype: "F32" as const,
    shape: [1],
    chunks: () => [new Uint8Array(Float32Array.of(value).buffer)],
  }));
  return Buffer.concat(await collect(writeSafetensors(written, new Map(Object.entries(metadata)))));
}

const index = (weightMap: unknown) => JSON.stringify({ metadata: { total_size: 8 }, weight_map: weightMap });

function writeIndex(weightMap: unknown): string {
  const path = join(folder, "model.safetensors.index.json");
  writeFileSync(path, index(weightMap));
  return path;
}

const ONE = "model-00001-of-00002.safetensors";
const TWO = "model-00002-of-00002.safetensors";

describe("a model in shards", () => {
  it("is read as one, from the folder of its index", async () => {
    writeFileSync(join(folder, ONE), await shard({ "net.a": 1, "noise_scheduler.betas": 2 }, { version: "1.1.0" }));
    writeFileSync(join(folder, TWO), await shard({ "net.b": 3, "net.unlisted": 4 }));
    const path = writeIndex({ "net.a": ONE, "noise_scheduler.betas": ONE, "net.b": TWO });
    const checkpoint = await openCheckpoint(await openSource(path));
    expect([checkpoint.format, checkpoint.version]).toEqual(["safetensors-index", "1.1.0"]);
    expect([...checkpoint.tensors.keys()]).toEqual(["net.a", "noise_scheduler.betas", "net.b"]);
    expect([...toFloat32("F32", await checkpoint.tensors.get("net.b")!.read())]).toEqual([3]);
    await checkpoint.close();
    await expect(checkpoint.tensors.get("net.b")!.read()).rejects.toThrow();
  });

  it("may come from anywhere else, by name", async () => {
    const shards: Record<string, Buffer> = { [ONE]: await shard({ a: 1 }), [TWO]: await shard({ b: 2 }) };
    const source = new MemorySource(Buffer.from(index({ a: ONE, b: TWO })), "index.json");
    const asked: string[] = [];
    const checkpoint = await openCheckpoint(source, {
      openShard: (name) => {
        asked.push(name);
        return Promise.resolve(new MemorySource(shards[name]!, name));
      },
    });
    expect(asked).toEqual([ONE, TWO]);
    expect(checkpoint.tensors.size).toBe(2);
  });
});

describe("a model in shards of torch", () => {
  const INDEX = "pytorch_model.bin.index.json";
  const [FIRST, SECOND] = ["pytorch_model-00001-of-00002.bin", "pytorch_model-00002-of-00002.bin"];
  const weightMap = { "module.net.causal_transformer.a": FIRST, "module.net.b": SECOND };
  const written = (files: Readonly<Record<string, Uint8Array | string>>) => {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return join(folder, INDEX);
  };
  const open = async (path: string) => openCheckpoint(await openSource(path));

  it.each<[string, (tree: TestTree) => Uint8Array | Promise<Uint8Array>, (tree: TestTree) => Uint8Array, string]>([
    ["zip", torchZip, torchZip, "torch-index"],
    ["as before 1.6", torchLegacy, torchLegacy, "torch-index"],
    ["of both", torchZip, torchLegacy, "torch-index"],
    ["and safetensors", () => shard({ "module.net.causal_transformer.a": 1 }), torchZip, "torch-index"],
    ["below a key", (tree) => torchZip({ state_dict: tree }), torchZip, "torch-index"],
  ])("%s", async (_, first, second, format) => {
    const path = written({
      [FIRST]: await first({ "module.net.causal_transformer.a": scalar(1), "net.unlisted": scalar(9) }),
      [SECOND]: second({ "module.net.b": scalar(2), epoch: 3 }),
      [INDEX]: `\ufeff${index(weightMap)}`,
    });
    const checkpoint = await open(path);
    expect(checkpoint.format).toBe(format);
    const values = [...checkpoint.tensors].map(async ([name, tensor]) => [
      name,
      [...toFloat32("F32", await tensor.read())],
    ]);
    expect(await Promise.all(values)).toEqual([
      ["net.causal_transformer.a", [1]],
      ["net.b", [2]],
    ]);
    await checkpoint.close();
    await expect(checkpoint.tensors.get("net.b")!.read()).rejects.toThrow();
  });

  it.each<[string, Uint8Array | string, RegExp]>([
    [
      "a web page",
      "<html>",
      /index\.json: its shard .*00002\.bin cannot be read: .*00002\.bin: it looks like a web page/,
    ],
    ["a pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", /00002\.bin: a git LFS pointer/],
    ["cut off", torchZip({ a: scalar(1) }).subarray(0, 200), /00002\.bin: a zip archive without a directory/],
    [
      "of other tensors",
      torchZip({ "net.b": scalar(1) }),
      /tensor module\.net\.b into .*00002\.bin, which does not have it/,
    ],
    ["a list", torchZip([scalar(1)]), /tensor module\.net\.b into .*00002\.bin, which does not have it/],
  ])("says which shard is %s", async (_, second, message) => {
    const path = written({
      [FIRST]: torchZip({ "module.net.causal_transformer.a": scalar(1) }),
      [SECOND]: second,
      [INDEX]: index(weightMap),
    });
    const error: unknown = await open(path).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(message);
    expect(String(error)).toContain(path);
  });
});

describe("an index is refused", () => {
  const open = async (weightMap: unknown) => openCheckpoint(await openSource(writeIndex(weightMap)));

  it("whose shard is missing, with the shard's path", async () => {
    writeFileSync(join(folder, ONE), await shard({ a: 1 }));
    const error: unknown = await open({ a: ONE, b: TWO }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FileError);
    expect(String(error)).toContain(`${join(folder, "model.safetensors.index.json")}: its shard ${TWO} cannot be read`);
    expect(String(error)).toContain(`${join(folder, TWO)}: could not be opened: no such file`);
  });

  it("and every shard that was opened is closed", async () => {
    let open = 0;
    const bytes = await shard({ a: 1 });
    const openShard = (name: string) => {
      if (name === TWO) return Promise.reject(new FileError(name, "is not there"));
      const source = new MemorySource(bytes, name);
      open++;
      source.close = () => {
        open--;
        return Promise.resolve();
      };
      return Promise.resolve(source);
    };
    const source = new MemorySource(Buffer.from(index({ a: ONE, b: TWO })));
    await expect(openCheckpoint(source, { openShard })).rejects.toThrow(FileError);
    expect(open).toBe(0);
  });

  it.each([
    "../other.safetensors",
    "..",
    "/etc/passwd",
    "sub/x.safetensors",
    "..\\x",
    "C:x",
    "https://x.org/y",
    "",
    7,
    "a\0b",
  ])("that names the shard %j", async (name) => {
    await expect(open({ a: name })).rejects.toThrow(/puts tensor a into .*; expected the name of a file beside/);
  });

  it.each<[string, unknown, RegExp]>([
    ["no weight_map", undefined, /JSON without the weight_map/],
    ["an empty one", {}, /JSON without the weight_map/],
    ["a list", ["a"], /JSON without the weight_map/],
  ])("with %s", async (_, weightMap, message) => {
    const error: unknown = await open(weightMap).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FormatError);
    expect(String(error)).toMatch(message);
  });

  it("that promises what a shard does not have", async () => {
    writeFileSync(join(folder, ONE), await shard({ a: 1 }));
    await expect(open({ a: ONE, b: ONE })).rejects.toThrow(/tensor b into model-00001.*, which does not have it/);
  });

  it("that names a thousand shards", async () => {
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`t${i}`, `${i}.safetensors`]));
    await expect(open(many)).rejects.toThrow(/its index names 1000 files; the limit is 512/);
  });

  it("that is not JSON", async () => {
    await expect(openCheckpoint(new MemorySource(Buffer.from('{"weight_map": {')))).rejects.toThrow(/is not JSON/);
  });
});
