import { describe, expect, it } from "vitest";
import { MemoryCounter } from "../../../src/gpu/executors/count.js";
import { decoderOptions } from "../../../src/models/karlo/config/decoder-config.js";
import { priorOptions } from "../../../src/models/diffusers/config/prior-config.js";
import { superResolutionOptions } from "../../../src/models/karlo/config/super-resolution-config.js";
import { textProjectionOptions } from "../../../src/models/karlo/config/text-projection-config.js";
import { addedKeyUnetCost, priorCost } from "../../../src/models/diffusers/cost.js";
import { superResolutionCost } from "../../../src/models/karlo/cost.js";
import { PriorTransformer } from "../../../src/models/diffusers/prior/prior-transformer.js";
import { TextProjection } from "../../../src/models/karlo/text-projection.js";
import { AddedKeyUnet } from "../../../src/models/diffusers/unet/added-key-unet.js";
import { SuperResolutionUnet } from "../../../src/models/karlo/unet/super-resolution-unet.js";
import { StepInputs } from "../../../src/ops/step-inputs.js";
import { Arena } from "../../../src/tensor/arena.js";
import type { Weights } from "../../../src/weights/store.js";
import { fullSizeKarlo } from "../../support/full-size-karlo.js";
import { RecordingStore } from "../../support/recording-store.js";

// Nothing is allocated: a counter stands in for a device that binds as much as every adapter does, and lavapipe: 128 MiB.
const counter = new MemoryCounter(2 ** 27);
const arena = new Arena(counter.stream);

const reference = fullSizeKarlo();
const configOf = (component: string): unknown => reference.get(component)!.config;

function declared<Model>(declare: (weights: Weights) => Model) {
  const store = new RecordingStore(arena);
  const model = declare(store.root);
  store.reserve();
  return { model, store, shapes: store.shapes };
}

const prior = declared((weights) => new PriorTransformer(weights, priorOptions(configOf("prior"), "")));
const projection = declared((weights) => new TextProjection(weights, textProjectionOptions(configOf("text_proj"), "")));
const decoder = declared((weights) => new AddedKeyUnet(weights, decoderOptions(configOf("decoder"), "")));
const upsampler = declared(
  (weights) => new SuperResolutionUnet(weights, superResolutionOptions(configOf("super_res_first"), "")),
);

type Shapes = ReadonlyMap<string, readonly number[]>;
const sizeOf = (shape: readonly number[]): number => shape.reduce((product, axis) => product * axis, 1);
const parametersOf = (shapes: Shapes): number => [...shapes.values()].reduce((sum, shape) => sum + sizeOf(shape), 0);

// The published files have 4 bytes for each parameter.
it.each([
  ["prior", prior.shapes, 338, 1022.0],
  ["text projection", projection.shapes, 11, 7.88],
  ["decoder's U-Net", decoder.shapes, 716, 885.4],
  ["super-resolution U-Net", upsampler.shapes, 408, 691.6],
])("the %s of Karlo has as many tensors and parameters as the published one", (_, shapes, tensors, millions) => {
  expect(shapes.size).toBe(tensors);
  expect(parametersOf(shapes) / 1e6).toBeCloseTo(millions, millions < 10 ? 2 : 1);
});

describe("the names and shapes", () => {
  it.each([
    ["prior", prior.shapes],
    ["text_proj", projection.shapes],
    ["decoder", decoder.shapes],
    ["super_res_first", upsampler.shapes],
    ["super_res_last", upsampler.shapes],
  ])("of %s are those of diffusers", (component, shapes) => {
    const listed = reference.get(component)!.tensors.map(({ name, shape }) => [name, shape] as const);
    expect(new Map(shapes)).toEqual(new Map(listed));
  });
});

describe("a dry run in full size", () => {
  // Weights: 4 bytes for each parameter in f32.
  it("of the prior's network encodes one guided pass", () => {
    const shape = arena.scope(() => {
      using steps = new StepInputs(arena, 1);
      const condition = {
        textEmbed: arena.empty([1, 768]),
        textEncodings: arena.empty([1, 77, 768]),
        textMask: [new Array<number>(77).fill(1)],
      };
      const prepared = prior.model.prepare(steps, { batch: 1, times: [999], condition, negative: condition }, 4);
      return prior.model.forward(arena.empty([1, 768]), prepared).shape;
    });
    expect(shape).toEqual([1, 768]);
    expect(prior.store.gpuBytes / 4).toBeCloseTo(parametersOf(prior.shapes) - 2 * 768, -5);
  });

  it("of the decoder encodes one guided pass", () => {
    const shape = arena.scope(() => {
      using steps = new StepInputs(arena, 1);
      const condition = projection.model.forward(arena, {
        imageEmbed: arena.empty([1, 768]),
        textEmbed: arena.empty([1, 768]),
        textEncodings: arena.empty([1, 77, 768]),
        textMask: [new Array<number>(77).fill(1)],
      });
      expect(condition.context.shape).toEqual([1, 81, 1536]);
      const prepared = decoder.model.prepare(steps, { batch: 1, times: [999], condition, negative: condition }, 8);
      return decoder.model.forward(arena.empty([1, 64, 64, 3]), prepared).shape;
    });
    expect(shape).toEqual([1, 64, 64, 6]);
  });

  it("of a super-resolution U-Net encodes one pass", () => {
    const shape = arena.scope(() => {
      using steps = new StepInputs(arena, 1);
      const prepared = upsampler.model.prepare(steps, { times: [999], lowres: arena.empty([1, 256, 256, 3]) });
      return upsampler.model.forward(arena.empty([1, 256, 256, 3]), prepared).shape;
    });
    expect(shape).toEqual([1, 256, 256, 3]);
  });
});

describe("the cost", () => {
  /** Multiplications of the convolutions, from their weights and the side of the feature maps that they are used on. */
  function convolutions(shapes: Shapes, side: number): number {
    let total = 0;
    for (const [name, shape] of shapes) {
      if (shape.length !== 4) continue;
      const [, way, number = "0", part] = /^(?:(down|up)_blocks\.(\d)\.(\w+)|mid_block|conv_)/.exec(name)!;
      const i = Number(number);
      const level =
        way === "down"
          ? i + (part === "downsamplers" ? 1 : 0)
          : way === "up"
            ? 3 - i - (part === "upsamplers" ? 1 : 0)
            : name.startsWith("mid")
              ? 3
              : 0;
      total += sizeOf(shape) * (side / 2 ** level) ** 2;
    }
    return total;
  }

  it("of a super-resolution U-Net is that of its convolutions", () => {
    expect(superResolutionCost(superResolutionOptions(configOf("super_res_first"), ""), 256)).toBe(
      convolutions(upsampler.shapes, 256),
    );
    const attention = superResolutionOptions({ ...(configOf("super_res_first") as object), add_attention: true }, "");
    const added = 32 ** 2 * (4 * 1280 ** 2 + 2 * 32 ** 2 * 1280);
    expect(superResolutionCost(attention, 256)).toBe(convolutions(upsampler.shapes, 256) + added);
  });

  it("of the decoder adds attention to the context and to pixels", () => {
    const attention = (layers: number, width: number, side: number) =>
      layers * side ** 2 * (4 * width ** 2 + 2 * (81 + side ** 2) * width);
    const added = attention(3 + 4, 640, 32) + attention(3 + 4, 960, 16) + attention(3 + 1 + 4, 1280, 8);
    expect(addedKeyUnetCost(decoderOptions(configOf("decoder"), ""), 64, 81)).toBe(
      convolutions(decoder.shapes, 64) + added,
    );
  });

  it("of the prior is that of its layers", () => {
    const weights = [...prior.shapes].filter(([name]) => /transformer_blocks\..*weight/.test(name));
    const products = weights.reduce((sum, [, shape]) => sum + (shape.length === 2 ? sizeOf(shape) : 0), 0);
    expect(priorCost(priorOptions(configOf("prior"), ""))).toBe(81 * products + 20 * 2 * 81 ** 2 * 2048);
  });
});
