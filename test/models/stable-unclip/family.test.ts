import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.js";
import { familyOf } from "../../../src/models/families.js";
import { examineFolder } from "../../../src/models/inspect-folder.js";
import { stableUnclip } from "../../../src/models/stable-unclip/family.js";
import type { BuildRequest } from "../../../src/models/family.js";
import { openModelFolder, type OpenedFolder } from "../../../src/models/opened.js";
import { FormatError } from "../../../src/weights/errors.js";
import { openTestArena } from "../../support/gpu.js";
import { modelFolder, readModelJson, type ChangedFile } from "../../support/model-folder.js";

const TEXT = "stable-unclip-text-to-image";
const VARIATION = "stable-unclip-image-variation";

async function open(fixture: string, changed: Readonly<Record<string, ChangedFile>> = {}): Promise<OpenedFolder> {
  return openModelFolder(modelFolder(fixture, changed));
}

const source = { load_model_from: { load_type: "local", path: "." }, unet_numbers: [] } as const;

async function request(opened: OpenedFolder): Promise<BuildRequest<typeof source>> {
  const arena = await openTestArena();
  const given = { value: undefined, name: "" };
  return { opened, source, origin: "a folder", given, config: "a load config", arena, warn: () => undefined };
}

const decoder = [
  "unet",
  "vae",
  "scheduler",
  "image_normalizer",
  "image_noising_scheduler",
  "text_encoder",
  "tokenizer",
];

describe("the models of a folder", () => {
  it("for texts are a prior, its text encoder, and the decoder with another one", async () => {
    const { family, claim } = familyOf(await open(TEXT));
    expect(family).toBe(stableUnclip);
    expect(claim).toMatchObject({
      kind: ["prior", "decoder", "clip"],
      components: { prior: ["prior", "prior_scheduler"], decoder, clip: ["prior_text_encoder", "prior_tokenizer"] },
      words: "Stable unCLIP's prior, decoder, CLIP",
    });
  });

  it("for images are an image encoder, and the decoder", async () => {
    expect(familyOf(await open(VARIATION)).claim).toMatchObject({
      kind: ["decoder", "clip"],
      components: { decoder, clip: ["image_encoder", "feature_extractor"] },
    });
  });

  it("are refused if a component has another class, and named if all are incomplete", async () => {
    const index = await readModelJson(VARIATION, "model_index.json");
    const other = await open(VARIATION, {
      "model_index.json": { ...index, scheduler: ["diffusers", "EulerDiscreteScheduler"] },
    });
    expect(() => familyOf(other)).toThrow(FormatError);
    expect(() => familyOf(other)).toThrow(/component scheduler is a EulerDiscreteScheduler, .* is a PNDMScheduler$/);
    const lost = ["image_encoder", "vae"];
    const half = Object.fromEntries(Object.entries(index).filter(([component]) => !lost.includes(component)));
    expect(familyOf(await open(VARIATION, { "model_index.json": half })).claim).toMatchObject({
      kind: [],
      words: "an incomplete Stable unCLIP, without vae, image_encoder",
    });
  });
});

describe("a folder", () => {
  it("is described by what it generates", async () => {
    const { inspection, sections } = await examineFolder(await open(TEXT));
    expect(inspection).toMatchObject({ family: "Stable unCLIP", models: ["prior", "decoder", "clip"] });
    expect(sections).toEqual([
      {
        title: "Stable unCLIP",
        rows: [
          ["images", "32 × 32 pixels, and other multiples of 4"],
          ["image embeddings", "16 values"],
          ["generates", "images of texts, images of image embeddings"],
          ["prior", "25 sampling steps, guidance scale 4 by default"],
          ["decoder", "20 sampling steps, guidance scale 10 by default"],
          ["noise on image embeddings", "levels 0 to 999, 0 by default"],
        ],
      },
    ]);
  });

  it.each([
    ["unet", { cross_attention_dim: 24 }, /cross_attention_dim 24, but text_encoder has hidden_size 20/],
    ["unet", { in_channels: 8, out_channels: 8 }, /unet has in_channels 8, but latents have 4/],
    ["vae", { latent_channels: 8 }, /vae has latent_channels 8, but latents have 4/],
  ])("is refused with %s %j", async (component, entries, message) => {
    const path = `${component}/config.json`;
    const folder = await open(VARIATION, { [path]: { ...(await readModelJson(VARIATION, path)), ...entries } });
    const built = stableUnclip.cascade!([await request(folder)]);
    await expect(built).rejects.toBeInstanceOf(ConfigError);
    await expect(built).rejects.toThrow(message);
  });

  it("has a decoder with one U-Net", async () => {
    const one = await request(await open(VARIATION));
    await expect(stableUnclip.cascade!([one, one])).rejects.toThrow(/Stable unCLIP has one U-Net/);
    const other = { ...one, source: { ...source, unet_numbers: [2] } };
    await expect(stableUnclip.cascade!([other])).rejects.toThrow(/unet_numbers must be \[1\]/);
  });
});
