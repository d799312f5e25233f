import { describe, expect, it } from "vitest";
import { MemoryCounter } from "../../../src/gpu/executors/count.js";
import { movqOptions } from "../../../src/models/kandinsky/config/movq-config.js";
import { kandinskyUnetOptions } from "../../../src/models/kandinsky/config/unet-config.js";
import { Movq } from "../../../src/models/kandinsky/movq/movq.js";
import { KandinskyUnet } from "../../../src/models/kandinsky/unet/kandinsky-unet.js";
import { StepInputs } from "../../../src/ops/step-inputs.js";
import { Arena } from "../../../src/tensor/arena.js";
import type { Weights } from "../../../src/weights/store.js";
import { ClipTokenizer } from "../../../src/tokenizer/clip-tokenizer.js";
import { checkFit } from "../../../src/weights/fit.js";
import { WeightStore } from "../../../src/weights/weight-store.js";
import { TransformersImageEncoder, visionModelOptions } from "../../../src/models/clip/transformers/image-encoder.js";
import { ImageProcessor } from "../../../src/models/clip/transformers/image-processor.js";
import { TransformersTextEncoder, textModelOptions } from "../../../src/models/clip/transformers/text-encoder.js";
import { fromTransformers } from "../../../src/models/clip/transformers-names.js";
import { priorOptions } from "../../../src/models/diffusers/config/prior-config.js";
import { PriorTransformer } from "../../../src/models/diffusers/prior/prior-transformer.js";
import { fullSizeKandinsky, IMAGE_PROCESSOR, NO_TOKENS, type UnetForm } from "../../support/full-size-kandinsky.js";
import { parametersOf } from "../../support/listed-shapes.js";
import { randomSource } from "../../support/random-source.js";
import { RecordingStore } from "../../support/recording-store.js";

// Nothing is allocated: a counter stands in for a device that binds as much as every adapter does, and lavapipe: 128 MiB.
const counter = new MemoryCounter(2 ** 27);
const arena = new Arena(counter.stream);

const reference = fullSizeKandinsky();

function declared<Model>(declare: (weights: Weights) => Model) {
  const store = new RecordingStore(arena);
  const model = declare(store.root);
  store.reserve();
  return { model, store, shapes: store.shapes };
}

const optionsOf = (form: UnetForm) => kandinskyUnetOptions(reference[form].config, "");
const unetOf = (form: UnetForm) => declared((weights) => new KandinskyUnet(weights, optionsOf(form)));
const tokens = { tokenizer: new ClipTokenizer(NO_TOKENS), maxLength: 77 };
const declareEncoder = {
  text_encoder: (weights: Weights) =>
    new TransformersTextEncoder(weights, textModelOptions(reference.text_encoder.config, ""), tokens),
  image_encoder: (weights: Weights) => {
    const options = visionModelOptions(reference.image_encoder.config, "");
    return new TransformersImageEncoder(weights, options, new ImageProcessor(IMAGE_PROCESSOR, "", 224));
  },
};
const movq = declared((weights) => new Movq(weights, movqOptions(reference.movq.config, "")));

const prior = declared((weights) => new PriorTransformer(weights, priorOptions(reference.prior.config, "")));

describe("names, shapes and parameters in full size are those of diffusers", () => {
  it.each([
    ["prior", prior.shapes],
    ["unet", unetOf("unet").shapes],
    ["unet_inpaint", unetOf("unet_inpaint").shapes],
    ["unet_hint", unetOf("unet_hint").shapes],
    ["movq", movq.shapes],
  ] as const)("for %s", (component, shapes) => {
    const { tensors, count, parameters } = reference[component];
    expect(new Map(shapes)).toEqual(new Map(tensors.map(({ name, shape }) => [name, shape])));
    expect([shapes.size, parametersOf(shapes)]).toEqual([count, parameters]);
  });

  // The encoders have other names here: every tensor of the file must be asked for, with its shape.
  it.each(["text_encoder", "image_encoder"] as const)("for %s", (component) => {
    const { tensors, count, parameters } = reference[component];
    expect([tensors.length, parametersOf(new Map(tensors.map(({ name, shape }) => [name, shape])))]).toEqual([
      count,
      parameters,
    ]);
    const source = fromTransformers(randomSource(tensors, "F16"));
    using store = new WeightStore(arena, source);
    declareEncoder[component](store.root);
    expect(() => {
      checkFit([store]);
    }).not.toThrow();
  });
});

describe("a dry run in full size", () => {
  it.each([
    ["unet", 0],
    ["unet_inpaint", 5],
    ["unet_hint", 4],
  ] as const)("of %s encodes one guided pass", (form, besides) => {
    const { model } = unetOf(form);
    const shape = arena.scope(() => {
      using steps = new StepInputs(arena, 1);
      const condition = model.condition(arena, arena.empty([1, 1280]));
      expect(condition.context.shape).toEqual([1, 32, 768]);
      const prepared = model.prepare(steps, { batch: 1, times: [991], condition, negative: condition }, 4);
      const beside =
        form === "unet_hint"
          ? model.hintFeatures(arena, arena.empty([1, 512, 512, 3], "f32"))
          : besides > 0
            ? arena.empty([1, 64, 64, besides], "f32")
            : undefined;
      expect(beside?.channels ?? 0).toBe(besides);
      return model.forward(arena.empty([1, 64, 64, 4], "f32"), prepared, beside).shape;
    });
    expect(shape).toEqual([1, 64, 64, 8]);
  });

  it("of MoVQ encodes and decodes an image of 768 pixels, whose feature maps are larger than a binding", () => {
    const shapes = arena.scope(() => [
      movq.model.encode(arena.empty([1, 768, 768, 3], "f32")).shape,
      movq.model.decode(arena.empty([1, 96, 96, 4], "f32")).shape,
    ]);
    expect(shapes).toEqual([
      [1, 96, 96, 4],
      [1, 768, 768, 3],
    ]);
  });
});
