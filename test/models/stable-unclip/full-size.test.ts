import { describe, expect, it } from "vitest";
import { MemoryCounter } from "../../../src/gpu/executors/count.js";
import { TransformersImageEncoder, visionModelOptions } from "../../../src/models/clip/transformers/image-encoder.js";
import { ImageProcessor } from "../../../src/models/clip/transformers/image-processor.js";
import { TransformersTextEncoder, textModelOptions } from "../../../src/models/clip/transformers/text-encoder.js";
import { fromTransformers } from "../../../src/models/clip/transformers-names.js";
import { AutoencoderKl } from "../../../src/models/stable-unclip/autoencoder/autoencoder-kl.js";
import { autoencoderKlOptions } from "../../../src/models/stable-unclip/config/autoencoder-config.js";
import { stableUnclipUnetOptions } from "../../../src/models/stable-unclip/config/unet-config.js";
import { StableUnclipUnet } from "../../../src/models/stable-unclip/unet/stable-unclip-unet.js";
import { StepInputs } from "../../../src/ops/step-inputs.js";
import { Arena } from "../../../src/tensor/arena.js";
import type { Weights } from "../../../src/weights/store.js";
import { ClipTokenizer } from "../../../src/tokenizer/clip-tokenizer.js";
import { checkFit } from "../../../src/weights/fit.js";
import { WeightStore } from "../../../src/weights/weight-store.js";
import { IMAGE_PROCESSOR, NO_TOKENS } from "../../support/full-size-kandinsky.js";
import { fullSizeStableUnclip } from "../../support/full-size-stable-unclip.js";
import { parametersOf } from "../../support/listed-shapes.js";
import { randomSource } from "../../support/random-source.js";
import { RecordingStore } from "../../support/recording-store.js";

// Nothing is allocated: a counter stands in for a device that binds as much as every adapter does, and lavapipe: 128 MiB.
const counter = new MemoryCounter(2 ** 27);
const arena = new Arena(counter.stream);

const reference = fullSizeStableUnclip();

function declared<Model>(declare: (weights: Weights) => Model) {
  const store = new RecordingStore(arena);
  const model = declare(store.root);
  store.reserve();
  return { model, shapes: store.shapes };
}

const unet = declared((weights) => new StableUnclipUnet(weights, stableUnclipUnetOptions(reference.unet.config, "")));
const vae = declared((weights) => new AutoencoderKl(weights, autoencoderKlOptions(reference.vae.config, "")));

const declareEncoder = {
  text_encoder: (weights: Weights) => {
    const options = textModelOptions(reference.text_encoder.config, "", false);
    return new TransformersTextEncoder(weights, options, { tokenizer: new ClipTokenizer(NO_TOKENS), maxLength: 77 });
  },
  image_encoder: (weights: Weights) => {
    const options = visionModelOptions(reference.image_encoder.config, "");
    return new TransformersImageEncoder(weights, options, new ImageProcessor(IMAGE_PROCESSOR, "", 224));
  },
};

describe("names, shapes and parameters in full size are those of diffusers", () => {
  it.each([
    ["unet", unet.shapes],
    ["vae", vae.shapes],
  ] as const)("for %s", (component, shapes) => {
    const { tensors, count, parameters } = reference[component];
    expect(new Map(shapes)).toEqual(new Map(tensors.map(({ name, shape }) => [name, shape])));
    expect([shapes.size, parametersOf(shapes)]).toEqual([count, parameters]);
  });

  // The encoders have other names here: every tensor of the file must be asked for, with its shape.
  it.each(["text_encoder", "image_encoder"] as const)("for %s", (component) => {
    const { tensors, count, parameters } = reference[component];
    const shapes = new Map(tensors.map(({ name, shape }) => [name, shape]));
    expect([shapes.size, parametersOf(shapes)]).toEqual([count, parameters]);
    using store = new WeightStore(arena, fromTransformers(randomSource(tensors, "F16")));
    declareEncoder[component](store.root);
    expect(() => {
      checkFit([store]);
    }).not.toThrow();
  });
});

describe("a dry run in full size", () => {
  it.each([
    [96, 96],
    [97, 61],
  ])("of the U-Net encodes one guided pass on latents of %i × %i", (height, width) => {
    const shape = arena.scope(() => {
      using steps = new StepInputs(arena, 1);
      const condition = unet.model.condition(arena, {
        classLabels: arena.empty([1, 2048], "f32"),
        context: arena.empty([1, 77, 1024]),
      });
      const prepared = unet.model.prepare(steps, { batch: 1, times: [951], condition, negative: condition }, 10);
      return unet.model.forward(arena.empty([1, height, width, 4], "f32"), prepared).shape;
    });
    expect(shape).toEqual([1, height, width, 4]);
  });

  it("of the autoencoder encodes and decodes an image of 768 pixels", () => {
    const shapes = arena.scope(() => [
      vae.model.encode(arena.empty([1, 768, 768, 3], "f32")).shape,
      vae.model.decode(arena.empty([1, 96, 96, 4], "f32")).shape,
    ]);
    expect(shapes).toEqual([
      [1, 96, 96, 4],
      [1, 768, 768, 3],
    ]);
  });
});
