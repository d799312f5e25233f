import { afterAll, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.js";
import { MemoryCounter } from "../../../src/gpu/executors/count.js";
import { familyOf } from "../../../src/models/families.js";
import { examineFolder } from "../../../src/models/inspect-folder.js";
import type { BuildRequest } from "../../../src/models/family.js";
import { karlo } from "../../../src/models/karlo/family.js";
import { openModelFolder, type OpenedFolder } from "../../../src/models/opened.js";
import { Arena } from "../../../src/tensor/arena.js";
import { FormatError } from "../../../src/weights/errors.js";
import { modelFolder, readModelJson, type ChangedFile } from "../../support/model-folder.js";

const VARIATION = "karlo-image-variation";
const TEXT_TO_IMAGE = "karlo-text-to-image-fp16";
const counter = new MemoryCounter();

afterAll(() => {
  counter.stream.close();
});

async function open(fixture: string, changed: Readonly<Record<string, ChangedFile>> = {}): Promise<OpenedFolder> {
  return openModelFolder(modelFolder(fixture, changed));
}

/** Opens a folder whose index has other entries, or lacks some. */
async function withIndex(fixture: string, entries: object): Promise<OpenedFolder> {
  const index = { ...(await readModelJson(fixture, "model_index.json")), ...entries };
  return open(fixture, { "model_index.json": index });
}

function request<Source>(opened: OpenedFolder, source: Source): BuildRequest<Source> {
  return {
    opened,
    source,
    origin: "pipeline, a folder",
    given: { value: undefined, name: "" },
    config: "a load config",
    arena: new Arena(counter.stream),
    warn: () => undefined,
  };
}

const file = { load_type: "local", path: "." } as const;

describe("the models of a folder", () => {
  it("are those whose components it has", async () => {
    const decoder = ["text_proj", "decoder", "decoder_scheduler", "super_res_first", "super_res_last"];
    expect(familyOf(await open(VARIATION)).claim).toMatchObject({
      kind: ["decoder", "clip"],
      components: {
        decoder: [...decoder, "super_res_scheduler"],
        clip: ["tokenizer", "text_encoder", "image_encoder", "feature_extractor"],
      },
    });
    expect(familyOf(await open(TEXT_TO_IMAGE)).claim).toMatchObject({
      kind: ["prior", "decoder", "clip"],
      components: { prior: ["prior", "prior_scheduler"], clip: ["tokenizer", "text_encoder"] },
      words: "Karlo's prior, decoder, CLIP",
    });
    const combined = { prior: ["diffusers", "PriorTransformer"], prior_scheduler: ["diffusers", "UnCLIPScheduler"] };
    const both = await withIndex(VARIATION, { ...combined, safety_checker: ["x", "Y"], toString: ["x", "Y"] });
    expect(karlo.claim(both)?.kind).toEqual(["prior", "decoder", "clip"]);
    expect(karlo.claim(await withIndex(TEXT_TO_IMAGE, { super_res_last: [null, null] }))?.kind).toEqual([
      "prior",
      "clip",
    ]);
  });

  it.each([
    [
      "KandinskyPriorPipeline",
      /KandinskyPriorPipeline, which is not supported: it needs the text encoder and the conditions/,
    ],
    ["Kandinsky3Pipeline", /Kandinsky3Pipeline, .*another Kandinsky than 2\.2/],
    [
      "StableUnCLIPTomorrowPipeline",
      /StableUnCLIPTomorrowPipeline, .*steps that no supported pipeline of Stable unCLIP has/,
    ],
    ["StableDiffusionPipeline", /StableDiffusionPipeline, .*AutoencoderKL/],
    ["DDPMPipeline", /unrecognised checkpoint: found a folder of class DDPMPipeline/],
  ])("of a %s are refused by name", async (pipeline, message) => {
    const folder = await withIndex(TEXT_TO_IMAGE, { _class_name: pipeline });
    expect(() => familyOf(folder)).toThrow(FormatError);
    expect(() => familyOf(folder)).toThrow(message);
    // The file is not damaged: to download it again does not help.
    const advice = expect.stringMatching("download") as unknown;
    expect(() => familyOf(folder)).not.toThrow(expect.objectContaining({ advice }));
  });

  it("are refused if a component has another class", async () => {
    const folder = await withIndex(TEXT_TO_IMAGE, { decoder: ["diffusers", "UNet2DModel"] });
    expect(() => familyOf(folder)).toThrow(
      /component decoder is a UNet2DModel, .*in Karlo it is a UNet2DConditionModel$/,
    );
  });
});

describe("the description of a folder", () => {
  const rowsOf = async (folder: OpenedFolder) => {
    const { sections } = await examineFolder(folder);
    return sections.map(({ title, rows }) => [title, Object.fromEntries(rows as [string, string][])]);
  };

  it("says what its models generate, and with which settings", async () => {
    expect(await rowsOf(await open(TEXT_TO_IMAGE))).toEqual([
      [
        "Karlo",
        {
          images: "8 × 8 pixels, enlarged to 16 × 16 pixels",
          "image embeddings": "16 values",
          generates: "images of texts, images of image embeddings, enlarged images",
          prior: "25 sampling steps, guidance scale 4 by default",
          decoder: "25 sampling steps, guidance scale 8 by default",
          "super-resolution": "7 sampling steps, no guidance by default",
        },
      ],
    ]);
    const [[, variation]] = (await rowsOf(await open(VARIATION))) as [[string, object]];
    expect(variation).toMatchObject({
      generates: "variations of images, images of image embeddings, enlarged images",
    });
    expect(variation).not.toHaveProperty("prior");
    const alone = { decoder: null, text_encoder: null, tokenizer: null };
    expect(await rowsOf(await withIndex(TEXT_TO_IMAGE, alone))).toMatchObject([
      ["Karlo", { generates: "nothing by itself" }],
    ]);
  });

  it("says why they cannot be loaded", async () => {
    const path = "decoder/config.json";
    const config = { ...(await readModelJson(TEXT_TO_IMAGE, path)), class_embed_type: "timestep" };
    const { inspection, sections } = await examineFolder(await open(TEXT_TO_IMAGE, { [path]: config }));
    expect(sections).toMatchObject([{ title: "Cannot be loaded" }]);
    expect(sections.flatMap(({ rows }) => rows.flat()).join("\n")).toMatch(/decoder\/config\.json.*class_embed_type/s);
    expect(inspection.components.map(({ name }) => name)).toContain("decoder");
  });
});

describe("components that do not fit each other", () => {
  const changed = async (component: string, entries: object, config = "config.json") => {
    const path = `${component}/${config}`;
    return open(TEXT_TO_IMAGE, { [path]: { ...(await readModelJson(TEXT_TO_IMAGE, path)), ...entries } });
  };
  const SCHEDULER = "scheduler_config.json";

  it.each([
    ["decoder", { sample_size: null }, "config.json", /config of decoder has no sample_size/],
    ["text_proj", { cross_attention_dim: 16 }, "config.json", /cross_attention_dim 16, but decoder has 12/],
    ["text_proj", { time_embed_dim: 16 }, "config.json", /time_embed_dim 16, but decoder needs 32/],
    ["decoder_scheduler", { variance_type: "fixed_small_log" }, SCHEDULER, /out_channels 6, but its scheduler needs 3/],
    ["super_res_first", { in_channels: 7 }, "config.json", /in_channels 7, but .* have 6/],
    ["decoder", { sample_size: 9 }, "config.json", /decoder makes images of 9 × 9 pixels .* need a multiple of 2/],
    ["super_res_first", { sample_size: 9 }, "config.json", /super_res_first makes .* need a multiple of 2/],
    ["super_res_scheduler", { variance_type: "learned_range" }, SCHEDULER, /super-resolution predicts no variance/],
  ])("of the cascade: %s with %j", async (component, entries, config, message) => {
    const folder = await changed(component, entries, config);
    const built = karlo.cascade!([request(folder, { load_model_from: file, unet_numbers: [] })]);
    await expect(built).rejects.toBeInstanceOf(ConfigError);
    await expect(built).rejects.toThrow(message);
  });

  it.each([
    ["prior", { added_emb_type: null }, "config.json", /no image embedding/],
    ["prior", { clip_embed_dim: 9 }, "config.json", /embeddings of 9 values/],
    ["prior_scheduler", { variance_type: "learned_range" }, SCHEDULER, /a prior predicts no variance/],
  ])("of the prior: %s with %j", async (component, entries, config, message) => {
    const folder = await changed(component, entries, config);
    const built = karlo.prior!(request(folder, { load_model_from: file }));
    await expect(built).rejects.toBeInstanceOf(ConfigError);
    await expect(built).rejects.toThrow(message);
  });

  it("are refused as a part of another decoder", async () => {
    const folder = await open(TEXT_TO_IMAGE);
    const only = (unet_numbers: readonly number[]) => request(folder, { load_model_from: file, unet_numbers });
    await expect(karlo.cascade!([only([2])])).rejects.toThrow(/unet_numbers must be \[1, 2\]/);
    await expect(karlo.cascade!([only([1, 2]), only([1, 2])])).rejects.toThrow(/several sources of U-Nets/);
    const { components } = await karlo.cascade!([only([1, 2])]);
    expect(components.map(({ name }) => name)).toEqual(["U-Net 1", "U-Net 2 (first steps)", "U-Net 2 (last step)"]);
    const text = [...components[0]!.weights.source.tensors.keys()].filter((name) => name.startsWith("text_proj."));
    expect(text).toContain("text_proj.learned_classifier_free_guidance_embeddings");
  });
});
