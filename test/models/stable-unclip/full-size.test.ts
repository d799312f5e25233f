import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { MemoryCounter } from "../../../src/gpu/executors/count.js";
import { AutoencoderKl } from "../../../src/models/stable-unclip/autoencoder/autoencoder-kl.js";
import { autoencoderKlOptions } from "../../../src/models/stable-unclip/config/autoencoder-config.js";
import { stableUnclipUnetOptions } from "../../../src/models/stable-unclip/config/unet-config.js";
import { StableUnclipUnet } from "../../../src/models/stable-unclip/unet/stable-unclip-unet.js";
import { StepInputs } from "../../../src/ops/step-inputs.js";
import { Arena } from "../../../src/tensor/arena.js";
import type { Weights } from "../../../src/weights/store.js";
import { fixtureFolder } from "../../support/golden.js";
import { expandedShapes, listedShapes, parametersOf } from "../../support/listed-shapes.js";
import { RecordingStore } from "../../support/recording-store.js";

// Nothing is allocated: a counter stands in for a device that binds as much as every adapter does, and lavapipe: 128 MiB.
const counter = new MemoryCounter(2 ** 27);
const arena = new Arena(counter.stream);

/** The tensors that diffusers 0.37.1 makes for stabilityai/stable-diffusion-2-1-unclip. */
const reference = z
  .object({ unet: listedShapes, vae: listedShapes })
  .parse(JSON.parse(readFileSync(join(fixtureFolder("headers"), "stable-unclip.json"), "utf8")));

function declared<Model>(declare: (weights: Weights) => Model) {
  const store = new RecordingStore(arena);
  const model = declare(store.root);
  store.reserve();
  return { model, shapes: store.shapes };
}

const unet = declared((weights) => new StableUnclipUnet(weights, stableUnclipUnetOptions(reference.unet.config, "")));
const vae = declared((weights) => new AutoencoderKl(weights, autoencoderKlOptions(reference.vae.config, "")));

describe("names, shapes and parameters in full size are those of diffusers", () => {
  it.each([
    ["unet", unet.shapes],
    ["vae", vae.shapes],
  ] as const)("for %s", (name, shapes) => {
    expect(new Map(shapes)).toEqual(expandedShapes(reference[name].shapes));
    expect([shapes.size, parametersOf(shapes)]).toEqual([reference[name].tensors, reference[name].parameters]);
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
