import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/config/config-error.js";
import { makeImage, toPlanes } from "../../../src/image/image.js";
import { IMAGE_ENCODER, TEXT_ENCODER } from "../../../src/models/component.js";
import { declareEncoders, type EncodersOptions } from "../../../src/models/diffusers/clip-encoders.js";
import type { Encoders } from "../../../src/models/interfaces.js";
import { openModelFolder } from "../../../src/models/opened.js";
import type { Arena } from "../../../src/tensor/arena.js";
import { WeightError } from "../../../src/weights/weight-error.js";
import { checkFit } from "../../../src/weights/fit.js";
import { fixtureFolder } from "../../support/golden.js";
import { expectClose, openTestArena } from "../../support/gpu.js";
import { bytes, floats, readTensors } from "../../support/io.js";
import { modelFolder, readModelJson, type ChangedFile } from "../../support/model-folder.js";

// As for networks of Karlo: a pass in f32.
const CLOSE = { maxRelative: 1e-5 };

const io = (name: string) => readTensors(new URL(`file://${fixtureFolder(name)}/io.safetensors`));

/** Loads the encoders of a fixture's folder, and runs `body` with them. */
async function withEncoders(
  fixture: string,
  options: EncodersOptions,
  body: (encoders: Encoders, arena: Arena, components: readonly string[]) => Promise<void>,
  changed: Readonly<Record<string, ChangedFile>> = {},
): Promise<void> {
  const folder = await openModelFolder(modelFolder(fixture, changed));
  const arena = await openTestArena();
  try {
    const { model, components } = await declareEncoders(folder, arena, options);
    for (const { weights } of components) await weights.load();
    await body(
      model,
      arena,
      components.map(({ name }) => name),
    );
    for (const { weights } of components) weights.dispose();
    await arena.checkGuards();
  } finally {
    await folder.close();
  }
}

async function embedTexts({ text }: Encoders, arena: Arena, prompts: readonly string[]): Promise<Float32Array> {
  const rows = text!.tokenize!(prompts, { warn: () => undefined });
  const { textEmbed, textEncodings } = await text!.embedText(arena, rows);
  textEncodings.dispose();
  const embeds = await textEmbed.read();
  textEmbed.dispose();
  return embeds;
}

describe("the encoders of a folder", () => {
  it.each([
    ["karlo-text-to-image", "default", 8],
    ["karlo-text-to-image-fp16", "fp16-files", 16],
  ])("embed the prompts of %s like the reference", async (fixture, call, dimLatent) => {
    const expected = floats(await io(fixture), `out.${call}.prompt_embeds`);
    await withEncoders(fixture, { hasImageEncoder: false, prefersF16: true }, async (encoders, arena, components) => {
      expect(components).toEqual([TEXT_ENCODER]);
      expect([encoders.image, encoders.dimLatent, encoders.text?.contextLength]).toEqual([undefined, dimLatent, 77]);
      // The texts of the null branch come first.
      const prompts = ["", "", "a red square", "Two blue circles, on a GREEN background!"];
      expectClose(await embedTexts(encoders, arena, prompts), expected, CLOSE);
    });
  });

  it("embed images and the empty text of karlo-image-variation like the reference", async () => {
    const fixture = "karlo-image-variation";
    const tensors = await io(fixture);
    await withEncoders(fixture, { hasImageEncoder: true }, async (encoders, arena, components) => {
      expect(components).toEqual([TEXT_ENCODER, IMAGE_ENCODER]);
      expectClose(await embedTexts(encoders, arena, ["", ""]), floats(tensors, "out.list.prompt_embeds"), CLOSE);
      const image = encoders.image!;
      const planes = ["in.photo.0", "in.photo.1"].flatMap((name) => {
        const [height = 0, width = 0] = tensors.get(name)!.shape;
        return [...toPlanes(image.preprocess!(makeImage(width, height, 3, bytes(tensors, name))))];
      });
      const size = image.imageSize;
      using embed = arena.scope(() =>
        image.embedImage(arena.fromNchw(Float32Array.from(planes), [2, 3, size, size], "f32")),
      );
      expectClose(await embed.read(), floats(tensors, "out.list.image_embeddings"), CLOSE);
    });
  });

  const VARIATION = "karlo-image-variation";
  it.each<[what: string, file: string, keys: object, error: new (...args: never[]) => Error, message: RegExp]>([
    [
      "widths that differ",
      "image_encoder/config.json",
      { projection_dim: 7 },
      ConfigError,
      /text encoder.*width 24.*width 7/,
    ],
    ["an image of another size", "image_encoder/config.json", { image_size: 35 }, ConfigError, /crop_size.*35 × 35/],
    [
      "other layers",
      "text_encoder/config.json",
      { num_hidden_layers: 3 },
      WeightError,
      /missing {4}text_model\.encoder\.layers\.2\.self_attn\.k_proj\.weight/,
    ],
    [
      "another vocabulary",
      "text_encoder/config.json",
      { vocab_size: 99 },
      WeightError,
      /misshapen {2}text_model\.embeddings\.token_embedding\.weight/,
    ],
  ])("are refused with %s", async (_, path, keys, expected, message) => {
    const changed = { [path]: { ...(await readModelJson(VARIATION, path)), ...keys } };
    const folder = await openModelFolder(modelFolder(VARIATION, changed));
    const arena = await openTestArena();
    const declared = declareEncoders(folder, arena, { hasImageEncoder: true });
    const error: unknown = await declared
      .then(
        ({ weights }) => {
          for (const { stores } of weights) checkFit(stores);
        },
        (thrown: unknown) => thrown,
      )
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(expected);
    expect(error).toHaveProperty("message", expect.stringMatching(message));
    await folder.close();
  });
});
