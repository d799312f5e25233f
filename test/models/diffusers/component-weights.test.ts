import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { plainFolder } from "../../../src/files/folder/plain-folder.js";
import { componentConfig, componentText } from "../../../src/models/diffusers/component-files.js";
import { openComponent, weightsFiles, type WeightsOptions } from "../../../src/models/diffusers/component-weights.js";
import { componentsOf } from "../../../src/models/diffusers/components.js";
import { openModelFolder } from "../../../src/models/opened.js";
import { floatsOf, safetensorsFile } from "../../support/safetensors-file.js";
import { f32, torchZip } from "../../support/torch-file.js";

const root = await mkdtemp(join(tmpdir(), "folder-"));
let folder: string;
let count = 0;

beforeEach(() => {
  folder = join(root, String(++count));
});

afterAll(() => rm(root, { recursive: true }));

async function write(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), content);
}

const PRIOR = "prior/diffusion_pytorch_model";
const weights = (value: number) => safetensorsFile({ gain: { shape: [1], values: [value] } });

/** The value of the only tensor of a component. */
async function valueIn(options: WeightsOptions = {}): Promise<number> {
  const checkpoint = await openComponent(plainFolder(folder), "prior", "diffusion_pytorch_model", options);
  try {
    return (await floatsOf(checkpoint.tensors.get("gain")!))[0]!;
  } finally {
    await checkpoint.close();
  }
}

async function writeShards(
  variant: string,
  extension: string,
  bytes: (value: number) => Uint8Array | Promise<Uint8Array>,
): Promise<void> {
  const shard = `diffusion_pytorch_model${variant}-00001-of-00001.${extension}`;
  await write(`prior/${shard}`, await bytes(7));
  await write(`${PRIOR}.${extension}.index${variant}.json`, JSON.stringify({ weight_map: { gain: shard } }));
}

describe("the weights of a component", () => {
  it("are safetensors rather than torch's format, and plain rather than f16", async () => {
    await write(`${PRIOR}.fp16.bin`, torchZip({ gain: f32([1], [4]) }));
    expect(await valueIn()).toBe(4);
    await write(`${PRIOR}.fp16.safetensors`, await weights(3));
    expect(await valueIn()).toBe(3);
    await write(`${PRIOR}.bin`, torchZip({ gain: f32([1], [2]) }));
    expect(await valueIn()).toBe(2);
    await write(`${PRIOR}.safetensors`, await weights(1));
    expect(await valueIn()).toBe(1);
    expect(await valueIn({ prefersF16: true })).toBe(3);
  });

  it.each([
    ["", "safetensors"],
    [".fp16", "safetensors"],
    ["", "bin"],
    [".fp16", "bin"],
  ])("may be shards with an index, %s.%s", async (variant, extension) => {
    await writeShards(variant, extension, (value) =>
      extension === "bin" ? torchZip({ gain: f32([1], [value]) }) : weights(value),
    );
    expect(await valueIn()).toBe(7);
  });

  it("have the file names of both libraries", () => {
    expect(weightsFiles("model", false)).toEqual([
      "model.safetensors",
      "model.safetensors.index.json",
      "pytorch_model.bin",
      "pytorch_model.bin.index.json",
      "model.fp16.safetensors",
      "model.safetensors.index.fp16.json",
      "pytorch_model.fp16.bin",
      "pytorch_model.bin.index.fp16.json",
    ]);
    expect(weightsFiles("diffusion_pytorch_model", true).slice(0, 4)).toEqual([
      "diffusion_pytorch_model.fp16.safetensors",
      "diffusion_pytorch_model.safetensors.index.fp16.json",
      "diffusion_pytorch_model.fp16.bin",
      "diffusion_pytorch_model.bin.index.fp16.json",
    ]);
  });

  it("are an error with the folder and the component if there are none", async () => {
    await expect(valueIn()).rejects.toMatchObject({
      code: "file/not-found",
      message: `${folder}: has no weights for its component prior: no prior/diffusion_pytorch_model.safetensors, no .bin; download the whole folder`,
    });
  });

  it("stay in their folder", async () => {
    const files = plainFolder(folder);
    for (const path of ["../prior/x.bin", "prior/../../x", "/etc/passwd", "prior\\x", ""]) {
      await expect(files.open(path)).rejects.toThrow("is not the path of a file in this folder");
      await expect(files.has(path)).rejects.toThrow("is not the path of a file in this folder");
    }
  });
});

describe("the small files of a component", () => {
  it("are read with their names", async () => {
    await write("prior/config.json", '{"num_layers": 2}');
    await write("tokenizer/merges.txt", "#version\na b\n");
    const files = plainFolder(folder);
    const { value, name } = await componentConfig(files, "prior");
    expect([value, name]).toEqual([{ num_layers: 2 }, join(folder, "prior", "config.json")]);
    expect(await componentText(files, "tokenizer", "merges.txt")).toBe("#version\na b\n");
  });

  it("are errors that name the file if they are missing or no objects", async () => {
    const files = plainFolder(folder);
    await expect(componentConfig(files, "prior")).rejects.toThrow(join(folder, "prior", "config.json"));
    await write("prior/config.json", "[]");
    await expect(componentConfig(files, "prior")).rejects.toThrow(
      "config.json is not a config: expected a JSON object",
    );
    await write("prior/config.json", "{");
    await expect(componentConfig(files, "prior")).rejects.toThrow("config.json is not JSON");
  });
});

describe("a model folder", () => {
  it("has the components that its index names with a class", async () => {
    const index = { _class_name: "UnCLIPPipeline", prior: ["diffusers", "PriorTransformer"], extra: [null, null] };
    await write("model_index.json", JSON.stringify({ ...index, more: null, requires: true }));
    const opened = await openModelFolder(plainFolder(folder));
    expect([...componentsOf(opened)]).toEqual([["prior", { library: "diffusers", name: "PriorTransformer" }]]);
    await opened.close();
  });

  it("is an error without an index, or with another file in its place", async () => {
    await expect(openModelFolder(plainFolder(folder))).rejects.toThrow(
      `${folder}: is not a folder of models: it has no model_index.json`,
    );
    await write("model_index.json", "{}");
    await expect(openModelFolder(plainFolder(folder))).rejects.toThrow(
      'it is not the index of a folder of models: expected JSON with "_class_name"',
    );
  });
});
