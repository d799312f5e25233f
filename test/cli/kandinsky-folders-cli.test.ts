// Commands on the two folders of Kandinsky 2.2: a decoder, and the prior that it takes from the folder beside it.
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { makeImage } from "../../src/image/image.js";
import { encodePng } from "../../src/image/png.js";
import type { ConfigReport } from "../../src/cli/test.js";
import type { FolderInspection } from "../../src/models/inspect-folder.js";
import type { MemoryPlan } from "../../src/pipeline/manager/memory-plan.js";
import { ModelLoadConfig } from "../../src/pipeline/load-config.js";
import { DalleModelManager } from "../../src/pipeline/manager/model-manager.js";
import { BasicInference } from "../../src/pipeline/scripts/basic-inference.js";
import { dalle2, generated, readImage } from "../support/cli.js";
import { sharedGpu } from "../support/gpu.js";
import { fixtureFolder } from "../support/golden.js";

const root = mkdtempSync(join(tmpdir(), "kandinsky-folders-"));
const DECODER = join(fixtureFolder("kandinsky-text-to-image"), "model");
const PRIOR = join(fixtureFolder("kandinsky-text-to-image"), "prior");
const INPAINTING = join(fixtureFolder("kandinsky-inpaint"), "model");
const CARD = "---\nlicense: apache-2.0\nprior:\n- kandinsky-community/kandinsky-2-2-prior\n---\n# Decoder\n";
const STEPS = ["--prior-steps", "2", "--steps", "2", "--seed", "3", "--dtype", "f32"];

afterAll(() => {
  rmSync(root, { recursive: true });
});

/** The pixels of an image that `dream` generates. */
async function dream(...args: readonly string[]): Promise<Uint8Array> {
  const out = mkdtempSync(join(root, "out-"));
  const [report] = generated(["dream", "a red square", ...STEPS, "--output-path", out, ...args]);
  return (await readImage(report!.file)).data;
}

describe("dalle2 inspect", () => {
  it("says what a decoder generates, and where its prior is", () => {
    const folder = join(root, "with-card");
    cpSync(INPAINTING, folder, { recursive: true });
    expect(dalle2(["inspect", folder]).stdout).toMatch(
      /^ {2}prior {6}in a folder of its own: beside this one, or named for it$/m,
    );
    writeFileSync(join(folder, "README.md"), CARD);
    const { status, stdout, stderr } = dalle2(["inspect", folder]);
    expect([status, stderr]).toEqual([0, ""]);
    expect(stdout).toMatch(/^ {2}class {7}KandinskyV22InpaintPipeline$/m);
    expect(stdout).toMatch(/^ {2}read as {5}Kandinsky 2\.2: decoder$/m);
    expect(stdout).toMatch(/^ {2}images {5}16 × 16 pixels, and other multiples of 4$/m);
    expect(stdout).toMatch(/^ {2}generates {2}parts of images \(inpainting\)$/m);
    expect(stdout).toMatch(
      /^ {2}prior {6}in a folder of its own: beside this one, or kandinsky-community\/kandinsky-2-2-prior$/m,
    );
  });

  it("says which models a prior's folder has", () => {
    const report = JSON.parse(dalle2(["inspect", PRIOR, "--json"]).stdout) as FolderInspection;
    expect(report).toMatchObject({ class: "KandinskyV22PriorPipeline", models: ["prior", "clip"] });
  });
});

describe("dalle2 test and memory", () => {
  it("find the folders of the decoder and of its prior, and load all models", () => {
    const { status, stdout } = dalle2(["test", DECODER, "--json"]);
    const { files, models } = JSON.parse(stdout) as ConfigReport;
    expect(status).toBe(0);
    expect(files.map(({ place, location }) => [place, location.split("/").slice(-2)[0]])).toEqual([
      ["pipeline", "movq"],
      ["pipeline", "unet"],
      ["pipeline.prior", "image_encoder"],
      ["pipeline.prior", "prior"],
      ["pipeline.prior", "text_encoder"],
    ]);
    for (const { problem, sha256 } of files) expect([problem, sha256?.length]).toEqual([null, 64]);
    expect(models).toMatchObject({ prior: { family: "Kandinsky 2.2" }, clip: { make: "transformers", model: PRIOR } });
    const [plan] = JSON.parse(dalle2(["memory", DECODER, "--json"]).stdout) as MemoryPlan[];
    expect(plan!.components.map(({ name }) => name)).toEqual([
      "CLIP's text encoder",
      "CLIP's image encoder",
      "the prior",
      "U-Net 1",
      "MoVQ",
    ]);
  });

  it("report a folder of the prior that is not there", () => {
    const { status, stdout } = dalle2(["test", DECODER, "--prior-folder", join(root, "nowhere/x.folder"), "--json"]);
    expect([status, stdout]).toEqual([2, ""]);
    const config = join(root, "absent.json");
    const prior = { load_type: "local", path: "nowhere" };
    writeFileSync(config, JSON.stringify({ pipeline: { load_type: "local", path: DECODER, prior } }));
    const report = dalle2(["test", config, "--json"]);
    expect(report.status).toBe(1);
    const { files, models } = JSON.parse(report.stdout) as ConfigReport;
    expect([files.length, models]).toEqual([1, null]);
    expect(files[0]!.problem).toContain("nowhere");
  });
});

describe("dalle2 dream", () => {
  it("takes the prior beside a decoder, or the one that is named", async () => {
    const beside = await dream("--model-config", DECODER);
    const alone = join(root, "alone", "decoder");
    cpSync(DECODER, alone, { recursive: true });
    expect(await dream("--model-config", alone, "--prior-folder", PRIOR)).toEqual(beside);
    const { status, stderr } = dalle2(["dream", "a cat", "--model-config", alone, "-o", join(root, "none")]);
    expect([status, stderr]).toEqual([2, expect.stringContaining("--prior-folder")]);
  });

  it("guides away from a negative prompt, as the library does", async () => {
    const negativeText = "blue, blurred";
    const plain = await dream("--model-config", DECODER);
    const guided = await dream("--model-config", DECODER, "--negative-prompt", negativeText);
    expect(guided).not.toEqual(plain);
    using manager = await DalleModelManager.create(await ModelLoadConfig.open(DECODER), {
      gpu: await sharedGpu(),
      dtype: "f32",
    });
    const options = { seed: 3, priorSteps: 2, decoderSteps: 2, negativeText };
    const images = await new BasicInference(manager).run("a red square", options);
    expect(guided).toEqual(images.get(0)!.get(0)![0]!.data);
  });

  it("generates the same images with converted folders, whose card is kept", async () => {
    const out = join(root, "converted");
    const decoder = join(root, "to-convert");
    cpSync(DECODER, decoder, { recursive: true });
    writeFileSync(join(decoder, "README.md"), CARD);
    expect(dalle2(["convert", decoder, join(out, "decoder")]).stdout).toMatch(/: 3 components, 399 tensors\n$/);
    expect(dalle2(["convert", PRIOR, join(out, "kandinsky-2-2-prior")]).status).toBe(0);
    expect(readdirSync(join(out, "decoder")).sort()).toEqual([
      "README.md",
      "model_index.json",
      "movq",
      "scheduler",
      "unet",
    ]);
    expect(readFileSync(join(out, "decoder/README.md"), "utf8")).toBe(CARD);
    expect(await dream("--model-config", join(out, "decoder"))).toEqual(await dream("--model-config", DECODER));
  });
});

describe("dalle2 dream --from", () => {
  it("asks for the folder of the prior again, which records do not name", () => {
    const out = mkdtempSync(join(root, "out-"));
    const named = ["--model-config", DECODER, "--prior-folder", PRIOR];
    const [report] = generated(["dream", "a red square", ...STEPS, "--output-path", out, ...named]);
    const repeat = ["dream", "--from", report!.file, "--output-path", out];
    const { status, stderr } = dalle2(repeat);
    expect(status).toBe(2);
    expect(stderr).toContain("Give --model-config and --prior-folder again.");
    expect(generated([...repeat, "--dtype", "f32", ...named])).toHaveLength(1);
  });
});

describe("dalle2 inpaint", () => {
  it("says of a decoder with a hint that it cannot inpaint, before it asks for an option that it does not have", async () => {
    const image = join(root, "image.png");
    writeFileSync(image, await encodePng(makeImage(16, 16, 3, new Uint8Array(16 * 16 * 3))));
    const model = join(fixtureFolder("kandinsky-controlnet"), "model");
    const { status, stderr } = dalle2(["inpaint", image, "--mask", image, "--text", "a cat", "--model-config", model]);
    expect(status).toBe(2);
    expect(stderr).toContain("This decoder cannot inpaint");
    expect(stderr).not.toContain("hint");
  });
});
