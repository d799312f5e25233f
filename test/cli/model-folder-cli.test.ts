import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { ConfigReport } from "../../src/cli/test.js";
import type { MemoryPlan } from "../../src/pipeline/manager/memory-plan.js";
import { plainFolder } from "../../src/files/folder/plain-folder.js";
import { openComponent } from "../../src/models/diffusers/component-weights.js";
import type { FolderInspection } from "../../src/models/inspect-folder.js";
import { openModelFolder } from "../../src/models/opened.js";
import { toFloat32 } from "../../src/weights/dtypes.js";
import { dalle2, dalle2Beside, readImage } from "../support/cli.js";
import { FaultServer, status } from "../support/fault-server.js";
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
    expect(stdout).toMatch(/^Karlo\n {2}images {12}\d+ × \d+ pixels, enlarged to \d+ × \d+ pixels$/m);
    expect(stdout).toMatch(/^ {2}generates {9}images of texts, images of image embeddings, enlarged images$/m);
    expect(stdout).toMatch(/^ {2}prior {13}25 sampling steps, guidance scale 4 by default$/m);
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

describe("dalle2 dream with the id of a repository", () => {
  it("downloads it, goes on after a break, and then runs without the hub", async () => {
    const server = await FaultServer.start();
    serveRepository(server, { id: "some/karlo", licence: "creativeml-openrail-m", files: filesBelow(F16) });
    const env = { HF_ENDPOINT: server.url(), HF_HUB_CACHE: join(root, "none"), DALLE2_CACHE: join(root, "downloads") };
    const steps = ["--prior-steps", "2", "--steps", "2,2", "--seed", "5", "--dtype", "f32"];
    const dream = async (out: string) => {
      const args = [
        "dream",
        "--model-config",
        "some/karlo",
        "a red square",
        ...steps,
        "--output-path",
        join(root, out),
      ];
      return dalle2Beside(args, { env });
    };
    const pixels = (out: string) => {
      const [file] = readdirSync(join(root, out));
      return readImage(join(root, out, file!));
    };
    // The server refuses one file, as if the connection broke for good.
    server.choose = (_, path) => (/resolve.*super_res_last.*safetensors$/.test(path) ? status(404) : undefined);
    const broken = await dream("broken");
    expect([broken.status, broken.stderr]).toEqual([2, expect.stringContaining("super_res_last")]);
    expect(broken.stderr).toMatch(/some\/karlo: \d+\.\d\d kB to download, licence creativeml-openrail-m/);
    server.choose = () => undefined;
    const start = server.requests.length;
    const whole = await dream("whole");
    expect([whole.status, whole.stderr]).toEqual([0, expect.any(String)]);
    const later = server.requests.slice(start).map(({ path }) => path);
    expect(later.some((path) => path.includes("super_res_last/diffusion"))).toBe(true);
    expect(later.some((path) => path.includes("prior/diffusion"))).toBe(false);
    await server.close();
    const offline = await dream("offline");
    expect([offline.status, offline.stderr]).toEqual([0, expect.stringContaining("using the files that are here")]);
    expect(offline.stderr).not.toContain("to download");
    expect(await pixels("offline")).toEqual(await pixels("whole"));
  });

  it("says how much memory its models take, from headers, and finds its files", () => {
    const plans = JSON.parse(dalle2(["memory", F16, "--json"]).stdout) as MemoryPlan[];
    expect(plans.map(({ dtype, components }) => [dtype, components.length])).toEqual([
      ["f32", 5],
      ["f16", 5],
    ]);
    const report = JSON.parse(dalle2(["test", F16, "--json"]).stdout) as ConfigReport;
    expect(report.files).toHaveLength(8);
    for (const { problem, sha256 } of report.files) expect([problem, sha256?.length]).toEqual([null, 64]);
    expect(report.models).toMatchObject({ prior: { family: "Karlo" }, clip: { make: "transformers" } });
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
