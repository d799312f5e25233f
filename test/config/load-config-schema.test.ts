import { Ajv } from "ajv";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { loadConfigJsonSchema } from "../../src/config/json-schema.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { currentSchema } from "../../src/pipeline/read-config.js";

const folder = fileURLToPath(new URL("../../configs", import.meta.url));
const schemaFile = join(folder, "load-config.schema.json");

const readObject = async (file: string) => JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;

/** Every load config in the package. */
const configs = (
  await Promise.all(
    [".", "laion"].map(async (name) => (await readdir(join(folder, name))).map((file) => join(name, file))),
  )
)
  .flat()
  .filter((file) => file.endsWith(".json") && !file.endsWith(".schema.json"));

/** An independent implementation of JSON Schema, as in editors. */
const accepts = new Ajv({ strict: true, strictTypes: false }).compile(loadConfigJsonSchema(currentSchema()));

it("has a JSON Schema in configs/ that is up to date (else: npm run build && node scripts/generate-config-schema.js)", async () => {
  expect(await readObject(schemaFile)).toEqual(JSON.parse(JSON.stringify(loadConfigJsonSchema(currentSchema()))));
});

describe.each(configs)("configs/%s", (name) => {
  const path = join(folder, name);

  it("is valid, to us and by the JSON Schema that it names", async () => {
    const config = await readObject(path);
    expect(() => ModelLoadConfig.parse(config, path)).not.toThrow();
    expect(accepts(config), JSON.stringify(accepts.errors)).toBe(true);
    expect(resolve(dirname(path), String(config.$schema))).toBe(schemaFile);
  });
});

it("has dalle2-laion's three examples, which need no extension of ours", async () => {
  for (const name of ["gradio", "upsampler", "variation"]) {
    expect(configs).toContain(join("laion", `${name}.json`));
    const text = await readFile(join(folder, "laion", `${name}.json`), "utf8");
    expect(text).not.toMatch(/"(version|dialect|weights|state_dict_key)"/);
    expect(text).toContain('"clip": {\n    "make": "openai",\n    "model": "ViT-L/14"\n  }');
  }
});

describe("the JSON Schema refuses, as editors will show it,", () => {
  const file = { load_type: "local", path: "x.pth" };
  it.each([
    ["a key that it does not know", { device: "cuda:0" }],
    ["a device that is none", { devices: "gtx" }],
    ["a U-Net without its number", { decoder: { unet_sources: [{ load_model_from: file }] } }],
    ["an unknown kind of place", { prior: { load_model_from: { ...file, load_type: "ftp" } } }],
    ["a name that leads out of the folder", { prior: { load_model_from: { ...file, filename_override: "../x.pth" } } }],
    ["a key that is empty", { prior: { load_model_from: file, state_dict_key: [] } }],
    ["a key that is no text", { prior: { load_model_from: file, state_dict_key: 7 } }],
    ["half a step", { prior: { load_model_from: file, default_sample_timesteps: 0.5 } }],
  ])("%s", (_, config) => {
    expect(accepts(config)).toBe(false);
    expect(() => ModelLoadConfig.parse(config, "models.json")).toThrow();
  });
});
