import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ModelLoadConfig } from "../../../src/pipeline/load-config.js";
import { Generator } from "../../../src/diffusion/generator.js";
import type { Range } from "../../../src/gpu/block.js";
import type { RecordedCommand, RecordedDispatch } from "../../../src/gpu/executors/record.js";
import type { KernelName, KernelSource } from "../../../src/gpu/kernel-source.js";
import { kernels } from "../../../src/gpu/kernel-sources.js";
import { DalleModelManager } from "../../../src/pipeline/manager/model-manager.js";
import { Arena } from "../../../src/tensor/arena.js";
import { Random, sharedGpu } from "../../support/gpu.js";

const SHAPES = fileURLToPath(new URL("../../../configs/shapes.json", import.meta.url));

let manager: DalleModelManager;

beforeAll(async () => {
  const config = await ModelLoadConfig.fromJsonPath(SHAPES);
  manager = await DalleModelManager.create(config, { gpu: await sharedGpu(), dtype: "f32" });
});

afterAll(() => {
  manager.dispose();
});

/** What a storage holds: what dispatch of which step put it there, or that it was there before the first step. */
type Content = { readonly step: number; readonly index: number; readonly binding: string } | object;

interface Step {
  readonly dispatches: RecordedDispatch[];
  /** For each dispatch what it reads, by the names of its bindings. */
  readonly reads: Record<string, Content>[];
}

/** What each step of a sampler dispatches, and on what. */
class StepRecorder {
  readonly steps: Step[] = [{ dispatches: [], reads: [] }];
  readonly #contents = new Map<string, Content>();
  readonly #blocks = new Map<object, number>();

  readonly note = (command: RecordedCommand): void => {
    if (command.kind !== "dispatch") {
      // Uploads of a step are its inputs: the same kind of content, whatever the values.
      this.#contents.set(this.#placeOf(command.target), { uploaded: command.kind });
      return;
    }
    const step = this.steps.at(-1)!;
    const index = step.dispatches.push(command) - 1;
    const bindings: KernelSource["bindings"] = kernels[command.key.split(" ")[0] as KernelName].bindings;
    const reads: Record<string, Content> = {};
    for (const { name, access } of bindings) {
      const range = command.storages[name];
      if (!range) continue;
      const place = this.#placeOf(range);
      if (access === "read") reads[name] = this.#contents.get(place) ?? { block: place };
      else this.#contents.set(place, { step: this.steps.length - 1, index, binding: name });
    }
    step.reads.push(reads);
    // The last of each step.
    if (command.key.startsWith("noteNotFinite")) this.steps.push({ dispatches: [], reads: [] });
  };

  #placeOf({ block, offset }: Range): string {
    if (!this.#blocks.has(block)) this.#blocks.set(block, this.#blocks.size);
    return `${this.#blocks.get(block)!}+${offset}`;
  }
}

async function recordSteps(unetNumber: number, steps: number): Promise<Step[]> {
  const recorder = new StepRecorder();
  using stream = manager.gpu.stream({ onCommand: recorder.note });
  const arena = new Arena(stream);
  const decoder = manager.models.decoder!.model;
  const { imageEmbedDim, textShape } = decoder.stages[0]!.info;
  const before = decoder.stages[unetNumber - 2]?.info.imageSize;
  const random = new Random(1);
  using imageEmbed = arena.from(random.normals(imageEmbedDim!, 0.1), [1, imageEmbedDim!], "f32");
  using image = before === undefined ? undefined : arena.from(random.normals(before ** 2 * 3), [1, before, before, 3]);
  const [length, width] = textShape!;
  using textEncodings = arena.from(random.normals(length * width), [1, length, width]);
  const images = await manager.useCascade(`U-Net ${unetNumber}`, () =>
    decoder.sample(arena, {
      imageEmbed,
      textEncodings,
      image,
      startAtUnetNumber: unetNumber,
      stopAtUnetNumber: unetNumber,
      condScale: 2,
      steps: steps,
      noise: new Generator(1),
    }),
  );
  images.dispose();
  return recorder.steps;
}

/** Reads of a step, steps counted from it; what the first step prepared for all stays what it is. */
function relative({ reads }: Step, own: number): Record<string, Content>[] {
  return reads.map((contents) =>
    Object.fromEntries(
      Object.entries(contents).map(([name, content]) => [
        name,
        "step" in content && content.step > 0 ? { ...content, step: content.step - own } : content,
      ]),
    ),
  );
}

describe.each([1, 2])("U-Net %i of the Shapes model, guided", (unetNumber) => {
  it("dispatches in a step what it did in the step before, up to buffers that alternate", async () => {
    // The first also prepares what all need.
    const [, , earlier, later] = await recordSteps(unetNumber, 6);
    const shape = ({ dispatches }: Step) =>
      dispatches.map(({ key, place, params, grid }) => ({ key, place, params, grid }));
    expect(earlier!.dispatches.length).toBeGreaterThan(100);
    expect(shape(later!)).toEqual(shape(earlier!));

    // Each dispatch reads what its twin of the step before did: the same weights and tables, and what the same dispatches
    // wrote. Which of the freed buffers that lies in alternates.
    expect(relative(later!, 3)).toEqual(relative(earlier!, 2));
  });
});
