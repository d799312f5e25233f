import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { MemoryCounter } from "../../../src/gpu/executors/count.js";
import { movqOptions } from "../../../src/models/kandinsky/config/movq-config.js";
import { kandinskyUnetOptions } from "../../../src/models/kandinsky/config/unet-config.js";
import { Movq } from "../../../src/models/kandinsky/movq/movq.js";
import { KandinskyUnet } from "../../../src/models/kandinsky/unet/kandinsky-unet.js";
import { StepInputs } from "../../../src/ops/step-inputs.js";
import { Arena } from "../../../src/tensor/arena.js";
import type { Weights } from "../../../src/weights/store.js";
import { fixtureFolder } from "../../support/golden.js";
import { RecordingStore } from "../../support/recording-store.js";

// Nothing is allocated: a counter stands in for a device that binds as much as every adapter does, and lavapipe: 128 MiB.
const counter = new MemoryCounter(2 ** 27);
const arena = new Arena(counter.stream);

const listed = z.object({
  config: z.record(z.string(), z.unknown()),
  tensors: z.int(),
  parameters: z.int(),
  shapes: z.record(z.string(), z.array(z.int())),
});

/** The tensors that diffusers 0.37.1 makes from the published configs. Of the other two U-Nets, what differs from the first. */
const reference = z
  .object({ unet: listed, unet_inpaint: listed, unet_hint: listed, movq: listed })
  .parse(JSON.parse(readFileSync(join(fixtureFolder("headers"), "kandinsky-decoder.json"), "utf8")));

/** Names with all numbers of runs such as "{0-3}". */
function expanded(shapes: Readonly<Record<string, readonly number[]>>): Map<string, readonly number[]> {
  const one = (name: string): readonly string[] => {
    const [run, first, last] = /\{(\d+)-(\d+)\}/.exec(name) ?? [];
    if (run === undefined) return [name];
    const numbers = Array.from({ length: Number(last) - Number(first) + 1 }, (_, i) => Number(first) + i);
    return numbers.flatMap((number) => one(name.replace(run, `${number}`)));
  };
  return new Map(Object.entries(shapes).flatMap(([name, shape]) => one(name).map((each) => [each, shape] as const)));
}

function declared<Model>(declare: (weights: Weights) => Model) {
  const store = new RecordingStore(arena);
  const model = declare(store.root);
  store.reserve();
  return { model, store, shapes: store.shapes };
}

type Form = "unet" | "unet_inpaint" | "unet_hint";
const optionsOf = (form: Form) => kandinskyUnetOptions({ ...reference.unet.config, ...reference[form].config }, "");
const unetOf = (form: Form) => declared((weights) => new KandinskyUnet(weights, optionsOf(form)));
const movq = declared((weights) => new Movq(weights, movqOptions(reference.movq.config, "")));

const parametersOf = (shapes: ReadonlyMap<string, readonly number[]>): number =>
  [...shapes.values()].reduce((sum, shape) => sum + shape.reduce((product, axis) => product * axis, 1), 0);

describe("names, shapes and parameters in full size are those of diffusers", () => {
  it.each(["unet", "unet_inpaint", "unet_hint"] as const)("for %s", (form) => {
    const { shapes } = unetOf(form);
    const expected = new Map([...expanded(reference.unet.shapes), ...expanded(reference[form].shapes)]);
    expect(new Map(shapes)).toEqual(expected);
    expect([shapes.size, parametersOf(shapes)]).toEqual([reference[form].tensors, reference[form].parameters]);
  });

  it("for movq", () => {
    expect(new Map(movq.shapes)).toEqual(expanded(reference.movq.shapes));
    expect([movq.shapes.size, parametersOf(movq.shapes)]).toEqual([reference.movq.tensors, reference.movq.parameters]);
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
