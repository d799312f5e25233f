import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { plainFolder } from "../../src/files/folder/plain-folder.js";
import { openComponent } from "../../src/models/diffusers/component-weights.js";
import type { FolderInspection } from "../../src/models/inspect-folder.js";
import { openModelFolder } from "../../src/models/opened.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { dalle2, dalle2Beside } from "../support/cli.js";
import { FaultServer } from "../support/fault-server.js";
import { fixtureFolder } from "../support/golden.js";
import { filesBelow, serveRepository } from "../support/hub-server.js";

const root = mkdtempSync(join(tmpdir(), "model-folder-cli-"));
afterAll(() => {
  rmSync(root, { recursive: true });
});

const model = (name: string): string => join(fixtureFolder(name), "model");
const IMAGES = model("karlo-image-variation");
const F16 = model("karlo-text-to-image-fp16");

/** The values of all tensors of a component, by name. */
async function values(folder: string, component: string): Promise<Map<string, number[]>> {
  const base = component === "text_encoder" ? "model" : "diffusion_pytorch_model";
  const checkpoint = await openComponent(plainFolder(folder), component, base);
  const read = [...checkpoint.tensors.values()].map(async (entry): Promise<[string, number[]]> => [
    entry.name,
    [...toFloat32(entry.dtype, await entry.read())],
  ]);
  const all = new Map(await Promise.all(read));
  await checkpoint.close();
  return all;
}

describe("dalle2 inspect of a folder of models", () => {
  it("prints its components as text", () => {
    const { status, stdout, stderr } = dalle2(["inspect", F16]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^ {2}class {7}UnCLIPPipeline$/m);
    expect(stdout).toMatch(/^ {2}version {5}diffusers 0\.37\.1$/m);
    expect(stdout).toMatch(/^ {2}decoder {2,}diffusers\.UNet2DConditionModel {2,}F16 {2}76,798 parameters/m);
    expect(stdout).toMatch(/^ {2}prior_scheduler {2,}diffusers\.UnCLIPScheduler {2,}no weights$/m);
    expect(stdout).toContain("file     decoder/diffusion_pytorch_model.fp16-00002-of-00002.safetensors");
  });

  it("prints them as JSON, with configs and tensors", () => {
    const { stdout } = dalle2(["inspect", join(IMAGES, "model_index.json"), "--json"]);
    const { components, ...report } = JSON.parse(stdout) as FolderInspection;
    expect(report).toMatchObject({ class: "UnCLIPImageVariationPipeline", diffusersVersion: "0.11.0.dev0" });
    const text = components.find(({ name }) => name === "text_encoder")!;
    expect(text).toMatchObject({ library: "transformers", class: "CLIPTextModelWithProjection" });
    expect(text.files).toEqual(["text_encoder/pytorch_model.bin", "text_encoder/config.json"]);
    expect(text.weights).toMatchObject({ format: "torch", dtypes: ["I64", "F32"] });
    expect(text.config).toMatchObject({ projection_dim: 24 });
    const all = components.flatMap(({ weights }) => weights?.tensors ?? []).filter(({ dtype }) => dtype === "F32");
    expect(report.parameters).toBe(all.reduce((sum, { parameters }) => sum + parameters, 0));
  });

  it("reads headers of a repository on the hub by its id", async () => {
    const server = await FaultServer.start();
    serveRepository(server, { id: "some/karlo", files: filesBelow(F16) });
    const env = { HF_ENDPOINT: server.url(), HF_HUB_CACHE: join(root, "none"), DALLE2_CACHE: join(root, "cache") };
    const { status, stdout } = await dalle2Beside(["inspect", "some/karlo", "--json"], { env });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ folder: "some/karlo", parameters: 194_592 });
    expect(() => readdirSync(join(root, "cache"))).toThrow();
    await server.close();
  });
});

describe("dalle2 convert of a folder of models", () => {
  it("writes safetensors with the same values, and copies the other files", async () => {
    const out = join(root, "converted");
    const { status, stdout, stderr } = dalle2(["convert", IMAGES, out]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/converted: 10 components, \d+ tensors\n$/);
    const written = [...filesBelow(out).keys()].filter((path) => !path.endsWith(".safetensors"));
    const copied = [...filesBelow(IMAGES).keys()].filter((path) => !path.endsWith(".bin"));
    expect(written.sort()).toEqual(copied.sort());
    for (const path of copied.filter((one) => one !== "model_index.json")) {
      expect(readFileSync(join(out, path)).equals(readFileSync(join(IMAGES, path))), path).toBe(true);
    }
    const { index } = await openModelFolder(plainFolder(out));
    expect(index).toEqual(JSON.parse(readFileSync(join(IMAGES, "model_index.json"), "utf8")));
    for (const component of ["text_encoder", "text_proj"]) {
      expect(await values(out, component)).toEqual(await values(IMAGES, component));
    }
    const again = dalle2(["convert", IMAGES, out]);
    expect(again.stderr).toContain("already is a folder of models: it has a model_index.json");
  });

  it("changes the dtype of matrices", async () => {
    const out = join(root, "narrow");
    expect(dalle2(["convert", IMAGES, out, "--dtype", "f16"]).status).toBe(0);
    const checkpoint = await openComponent(plainFolder(out), "decoder", "diffusion_pytorch_model");
    for (const { dtype, shape } of checkpoint.tensors.values()) expect(dtype).toBe(shape.length < 2 ? "F32" : "F16");
    await checkpoint.close();
    // The weights of the fixture are exact in f16.
    expect(await values(out, "decoder")).toEqual(await values(IMAGES, "decoder"));
  });

  it("refuses options for files", () => {
    const refused = dalle2(["convert", IMAGES, join(root, "x"), "--weights", "ema"]);
    expect([refused.status, refused.stderr]).toEqual([
      2,
      "--weights, --key and --sparse-rows choose in one file, not in a folder.\n",
    ]);
    expect(dalle2(["convert", IMAGES, join(root, "x.safetensors")]).stderr).toContain(
      "a folder is converted to a folder, not to a file",
    );
    expect(dalle2(["inspect", IMAGES, "--key", "a"]).status).toBe(2);
  });
});
