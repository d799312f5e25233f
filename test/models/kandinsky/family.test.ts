import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.js";
import { familyOf } from "../../../src/models/families.js";
import { examineFolder } from "../../../src/models/inspect-folder.js";
import { kandinsky } from "../../../src/models/kandinsky/family.js";
import type { BuildRequest } from "../../../src/models/family.js";
import { openModelFolder, type OpenedFolder } from "../../../src/models/opened.js";
import { FormatError } from "../../../src/weights/errors.js";
import { openTestArena } from "../../support/gpu.js";
import { modelFolder, readModelJson, type ChangedFile } from "../../support/model-folder.js";

const PRIOR = "kandinsky-prior";

async function open(changed: Readonly<Record<string, ChangedFile>> = {}): Promise<OpenedFolder> {
  return openModelFolder(modelFolder(PRIOR, changed));
}

/** A folder whose index is another. */
function withIndex(index: object): Promise<OpenedFolder> {
  return open({ "model_index.json": index });
}

const source = { load_model_from: { load_type: "local", path: "." } } as const;

async function request(opened: OpenedFolder): Promise<BuildRequest<typeof source>> {
  const arena = await openTestArena();
  const given = { value: undefined, name: "" };
  return { opened, source, origin: "a folder", given, config: "a load config", arena, warn: () => undefined };
}

describe("the models of a folder", () => {
  const prior = ["prior", "scheduler"];
  const clip = ["tokenizer", "text_encoder", "image_encoder", "image_processor"];
  const decoder = {
    unet: ["diffusers", "UNet2DConditionModel"],
    movq: ["diffusers", "VQModel"],
    scheduler: ["diffusers", "DDPMScheduler"],
  };

  it.each(["KandinskyV22PriorPipeline", "KandinskyV22PriorEmb2EmbPipeline"])("of a %s", async (pipeline) => {
    const index = { ...(await readModelJson(PRIOR, "model_index.json")), _class_name: pipeline };
    const { family, claim } = familyOf(await withIndex(index));
    expect(family).toBe(kandinsky);
    expect(claim).toMatchObject({ kind: ["prior", "clip"], components: { prior, clip } });
    expect(claim.words).toBe("Kandinsky 2.2's prior, CLIP");
  });

  it.each([
    "KandinskyV22Pipeline",
    "KandinskyV22Img2ImgPipeline",
    "KandinskyV22InpaintPipeline",
    "KandinskyV22ControlnetPipeline",
    "KandinskyV22ControlnetImg2ImgPipeline",
  ])("of a %s", async (pipeline) => {
    expect(familyOf(await withIndex({ _class_name: pipeline, ...decoder })).claim).toMatchObject({
      kind: ["decoder"],
      components: { decoder: ["unet", "movq", "scheduler"] },
    });
  });

  it.each([
    "KandinskyV22CombinedPipeline",
    "KandinskyV22Img2ImgCombinedPipeline",
    "KandinskyV22InpaintCombinedPipeline",
  ])("of a saved %s", async (pipeline) => {
    const index = await readModelJson(PRIOR, "model_index.json");
    const own = Object.entries(index).filter(([, value]) => Array.isArray(value));
    const renamed = Object.fromEntries(own.map(([name, value]) => [`prior_${name}`, value]));
    expect(familyOf(await withIndex({ _class_name: pipeline, ...renamed, ...decoder })).claim).toMatchObject({
      kind: ["prior", "decoder", "clip"],
      components: {
        prior: ["prior_prior", "prior_scheduler"],
        decoder: ["unet", "movq", "scheduler"],
        clip: ["prior_tokenizer", "prior_text_encoder", "prior_image_encoder", "prior_image_processor"],
      },
    });
  });

  it("are refused if a component has another class, and named if some are missing", async () => {
    const other = await withIndex({
      _class_name: "KandinskyV22Pipeline",
      ...decoder,
      movq: ["diffusers", "AutoencoderKL"],
    });
    expect(() => familyOf(other)).toThrow(FormatError);
    expect(() => familyOf(other)).toThrow(/component movq is a AutoencoderKL, .*in Kandinsky 2\.2 it is a VQModel$/);
    const half = await withIndex({ _class_name: "KandinskyV22Pipeline", unet: decoder.unet });
    expect(familyOf(half).claim).toMatchObject({
      kind: [],
      words: "an incomplete Kandinsky 2.2, without movq, scheduler",
    });
  });

  it("are of no other pipeline of Kandinsky", async () => {
    const folder = await withIndex({ _class_name: "KandinskyV22PipelineOfTomorrow" });
    expect(() => familyOf(folder)).toThrow(/KandinskyV22PipelineOfTomorrow, which is not supported/);
  });
});

describe("the prior's folder", () => {
  it("is described by what it computes", async () => {
    const { inspection, sections } = await examineFolder(await open());
    expect(inspection).toMatchObject({ family: "Kandinsky 2.2", models: ["prior", "clip"] });
    expect(sections).toEqual([
      {
        title: "Kandinsky 2.2",
        rows: [
          ["image embeddings", "16 values"],
          ["generates", "image embeddings of texts, image embeddings of images"],
          ["prior", "25 sampling steps, guidance scale 4 by default"],
        ],
      },
    ]);
  });

  it("gives a prior that embeds negative prompts and starts from image embeddings", async () => {
    const { model, components } = await kandinsky.prior!(await request(await open()));
    expect(model).toMatchObject({ imageEmbedDim: 16, textShape: [77, 16], embedsNegative: true, takesInitEmbed: true });
    expect(model.settings()).toEqual({ condScale: 4, steps: 25 });
    for (const { weights } of components) weights.dispose();
  });

  it.each([
    [
      "prior",
      { additional_embeddings: 3 },
      "config.json",
      /additional_embeddings 3, but a prior that runs in steps has 4/,
    ],
    ["prior", { clip_embed_dim: 9 }, "config.json", /embeddings of 9 values/],
    ["scheduler", { variance_type: "learned_range" }, "scheduler_config.json", /a prior predicts no variance/],
  ])("is refused with %s %j", async (component, entries, config, message) => {
    const path = `${component}/${config}`;
    const folder = await open({ [path]: { ...(await readModelJson(PRIOR, path)), ...entries } });
    const built = kandinsky.prior!(await request(folder));
    await expect(built).rejects.toBeInstanceOf(ConfigError);
    await expect(built).rejects.toThrow(message);
  });

  it("has no prior if it is that of a decoder", async () => {
    const folder = await withIndex({ _class_name: "KandinskyV22Pipeline" });
    await expect(kandinsky.prior!(await request(folder))).rejects.toThrow(
      /is a KandinskyV22Pipeline, which has no prior/,
    );
  });
});
