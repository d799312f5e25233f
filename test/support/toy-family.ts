/** A family of models with almost no mathematics: what a family is made of, as small as it can be. */
import { z } from "zod";
import type { PriorSource, UnetSource } from "../../src/config/load-config-data.js";
import type { Component } from "../../src/models/component.js";
import type { BuildRequest, Declared, Family } from "../../src/models/family.js";
import type {
  Cascade,
  CascadeSampling,
  CascadeStage,
  Prior,
  PriorSampling,
  UseComponent,
} from "../../src/models/interfaces.js";
import type { StageInfo } from "../../src/models/stage-info.js";
import { withDefaults, type AskedSettings, type NetworkSettings } from "../../src/diffusion/settings.js";
import { planStages } from "../../src/models/per-stage.js";
import { affine, multiply, scaleBy } from "../../src/ops/elementwise.js";
import { broadcastBatch } from "../../src/ops/layout.js";
import { resizeNearest } from "../../src/ops/resize.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { openCheckpoint } from "../../src/weights/checkpoint.js";
import { WeightStore } from "../../src/weights/weight-store.js";

const CLASS = "ToyPriorPipeline";
/** Sides of the images of both stages, and of the image that the values of an embedding are taken for. */
export const SIDES = { seen: 2, first: 4, second: 8 } as const;

/** Gives the text embedding back, times its only weight. */
class ToyPrior implements Prior {
  readonly textShape = [1, 1] as const;
  readonly #gain: Tensor;

  constructor(
    readonly imageEmbedDim: number,
    store: WeightStore,
  ) {
    this.#gain = store.root.table("gain", [1, imageEmbedDim], { dtype: "f32" });
  }

  settings(asked: AskedSettings = {}): NetworkSettings {
    return withDefaults(asked, { condScale: 1, steps: 1 });
  }

  check(): void {
    // A toy does as it is told.
  }

  evaluations(): number {
    return 1;
  }

  async sample(arena: Arena, { textEmbed, onStep }: PriorSampling): Promise<Float32Array> {
    using result = arena.scope(() => this.#forward(arena, textEmbed));
    onStep?.(1, 1);
    return await result.read();
  }

  #forward(arena: Arena, textEmbed: Tensor): Tensor {
    return multiply(textEmbed, broadcastBatch(arena.share(this.#gain), textEmbed.shape[0]!));
  }
}

/** A stage of `steps` steps. */
class ToyStage implements CascadeStage {
  constructor(
    readonly info: StageInfo,
    private readonly steps: number,
  ) {}

  settings(asked: AskedSettings = {}): NetworkSettings {
    return withDefaults(asked, { condScale: 1, steps: this.steps });
  }

  check(): void {
    // A toy does as it is told.
  }

  evaluations(asked: AskedSettings = {}): number {
    return this.settings(asked).steps;
  }
}

/** Values of an embedding that are pixels. */
const SEEN = SIDES.seen ** 2 * 3;
const BRIGHT = "the toy's first network";
const LAST = "the toy's last network";

/** Takes an embedding for a tiny image and enlarges it; then once more, by one network in all steps but the last, by another there. */
class ToyCascade implements Cascade {
  readonly channels = 3;
  readonly mixesBatch = false;
  readonly stages: readonly ToyStage[];
  readonly #bright: Tensor;
  readonly #last: Tensor;

  constructor(
    private readonly shift: number,
    bright: WeightStore,
    last: WeightStore,
  ) {
    const shared = { takesText: false, textShape: undefined, isTrained: true };
    this.stages = [
      new ToyStage(
        {
          ...shared,
          name: "Stage 1",
          imageSize: SIDES.first,
          takesImageEmbed: true,
          imageEmbedDim: SEEN,
          components: [],
        },
        1,
      ),
      new ToyStage(
        {
          ...shared,
          name: "Stage 2",
          imageSize: SIDES.second,
          takesImageEmbed: false,
          imageEmbedDim: undefined,
          components: [BRIGHT, LAST],
        },
        3,
      ),
    ];
    this.#bright = bright.root.table("bright.gain", [1, this.channels], { dtype: "f32" });
    this.#last = last.root.table("last.gain", [1, this.channels], { dtype: "f32" });
  }

  async sample(arena: Arena, sampling: CascadeSampling<this>): Promise<Tensor> {
    const { imageEmbed, image, startAtUnetNumber: start = 1, stopAtUnetNumber: stop = 2, onProgress } = sampling;
    if (start > 1) return this.#second(arena, image!, sampling);
    const first = await this.#first(arena, imageEmbed!);
    onProgress?.({ unetNumber: 1, step: 1, steps: 1 });
    if (stop === 1) return first;
    using before = first;
    return await this.#second(arena, before, sampling);
  }

  /** The first values of each embedding are planes of pixels. */
  async #first(arena: Arena, imageEmbed: Tensor): Promise<Tensor> {
    const [batch = 0, dim = 0] = imageEmbed.shape;
    const { channels } = this;
    const values = await imageEmbed.read();
    const planes = Float32Array.from(
      { length: batch * SEEN },
      (_, i) => values[Math.floor(i / SEEN) * dim + (i % SEEN)]!,
    );
    return arena.scope(() => this.#enlarge(arena.fromNchw(planes, [batch, channels, SIDES.seen, SIDES.seen], "f32")));
  }

  #enlarge(seen: Tensor): Tensor {
    return affine(resizeNearest(seen, [SIDES.first, SIDES.first]), 0.5, 0.5 + this.shift);
  }

  async #second(arena: Arena, image: Tensor, sampling: CascadeSampling<this>): Promise<Tensor> {
    const { use = hereAlready(this, arena), onProgress } = sampling;
    const steps = planStages(this.stages, sampling).at(-1)!.settings.steps;
    const side = SIDES.second;
    using start = arena.scope(() => resizeNearest(image, [side, side]));
    using almost = await use(BRIGHT, (model, own) => {
      let x = own.scope(() => scaleBy(own.share(start), 1));
      for (let step = 1; step < steps; step++) {
        using before = x;
        x = own.scope(() => model.#step(own, before, model.#bright));
        onProgress?.({ unetNumber: 2, step, steps });
      }
      return Promise.resolve(x);
    });
    return await use(LAST, (model, own) => {
      const images = own.scope(() => model.#step(own, own.share(almost), model.#last));
      onProgress?.({ unetNumber: 2, step: steps, steps });
      return Promise.resolve(images);
    });
  }

  #step(arena: Arena, x: Tensor, gain: Tensor): Tensor {
    const [batch = 0, height = 0, width = 0, channels = 0] = x.shape;
    const rows = batch * height * width;
    return multiply(x.reshape([rows, channels]), broadcastBatch(arena.share(gain), rows)).reshape(x.shape);
  }
}

function hereAlready<Model>(model: Model, arena: Arena): UseComponent<Model> {
  return (_, body) => body(model, arena);
}

const keys = z.object({ toy_shift: z.number().nullish() });

/** The prior, from a folder. */
async function loadPrior({ opened, arena }: BuildRequest<PriorSource>): Promise<Declared<Prior>> {
  if (opened.kind === "file") throw new Error("a toy prior is a folder");
  const checkpoint = await openCheckpoint(await opened.open("prior.safetensors"));
  const network = new WeightStore(arena, checkpoint);
  const model = new ToyPrior(checkpoint.tensors.get("gain")!.shape[1]!, network);
  return { model, components: [{ name: "the toy's prior", weights: network }], weights: [{ stores: [network] }] };
}

/** The cascade, from one file. */
function loadCascade([request]: readonly BuildRequest<UnetSource>[]): Declared<Cascade> {
  const { opened, source, arena } = request!;
  if (opened.kind === "folder") throw new Error("a toy cascade is a file");
  const [bright, last] = [new WeightStore(arena, opened), new WeightStore(arena, opened)];
  const components: Component[] = [
    { name: BRIGHT, weights: bright },
    { name: LAST, weights: last },
  ];
  const model = new ToyCascade(keys.parse(source).toy_shift ?? 0, bright, last);
  return { model, components, weights: [{ stores: [bright, last], dialect: { version: "7" } }] };
}

export const toyFamily: Family = {
  name: "toys",
  supported: "priors and cascades of toys",
  names: {
    components: new Map([["toy", { kind: "decoder", words: "a toy", rank: 0 }]]),
    anchorOf: (name) => (/^(?:bright|last)\.gain$/.test(name) ? { prefix: "", component: "toy" } : undefined),
    dropped: [],
  },
  configKeys: keys.shape,
  claim: (opened) => {
    if (opened.kind === "folder") {
      if (opened.index._class_name !== CLASS) return undefined;
      return { component: "toy prior", kind: "prior", words: "the prior of a toy" };
    }
    return opened.tensors.has("bright.gain") ? { component: "toy", kind: "decoder", words: "a toy" } : undefined;
  },
  prior: loadPrior,
  cascade: loadCascade,
  verify: new Map([
    [
      "toy",
      async (fixture) => {
        const { data: expected } = await fixture.tensor("out.twice");
        const { data } = await fixture.tensor("in.once");
        return [{ name: "twice", actual: data.map((x) => 2 * x), expected, tolerance: { maxRelative: 0 } }];
      },
    ],
  ]),
  inspect: () => ({
    component: "toy",
    dialect: { version: "7" },
    sections: [{ title: "Toy of version 7", rows: [["colour", "red"]] }],
    warnings: [],
  }),
  convertedMetadata: () => ({ toy: "7" }),
};

/** The index of the folder that the prior comes in. */
export const TOY_INDEX = { _class_name: CLASS, prior: ["toys", "ToyPrior"] };
