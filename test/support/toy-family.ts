/** A model family with almost no mathematics: the smallest possible family. */
import * as z from "zod/mini";
import type { ModelSource, PriorSource, UnetSource } from "../../src/config/load-config-data.js";
import { TEXT_ENCODER, type Component } from "../../src/models/component.js";
import type { BuildRequest, Claim, Declared, Family } from "../../src/models/family.js";
import { componentConfig } from "../../src/models/diffusers/component-files.js";
import { openComponent } from "../../src/models/diffusers/component-weights.js";
import type { Fixture } from "../../src/fixture/fixture.js";
import type { Output } from "../../src/fixture/result.js";
import type { Opened } from "../../src/models/opened.js";
import type {
  Cascade,
  CascadeSampling,
  CascadeStage,
  Encoders,
  Prior,
  PriorSampling,
  TextEncoder,
  TextEmbedding,
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
const WHOLE_CLASS = "ToyPipeline";
/** Sides of the images of both stages, and of the image in the values of an embedding. */
export const SIDES = { seen: 2, first: 4, second: 8 } as const;

/** Returns the text embedding times its only weight. */
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
    // A toy accepts all settings.
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
    // A toy accepts all settings.
  }

  evaluations(asked: AskedSettings = {}): number {
    return this.settings(asked).steps;
  }
}

/** Values of an embedding that are pixels. */
const SEEN = SIDES.seen ** 2 * 3;
const BRIGHT = "the toy's first network";
const LAST = "the toy's last network";

/**
 * Reads an embedding as a tiny image and enlarges it. The second stage enlarges it again, with one network for all steps
 * except the last, and another for that.
 */
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

const keys = z.object({ toy_shift: z.nullish(z.number()) });

/** Encodes a text of n letters as n tenths of its only weight. */
class ToyTextEncoder implements TextEncoder {
  readonly contextLength = 16;
  readonly tokenization = "bare";
  readonly #direction: Tensor;

  constructor(
    readonly dimLatent: number,
    store: WeightStore,
  ) {
    this.#direction = store.root.table("direction", [1, dimLatent], { dtype: "f32" });
  }

  tokenize(texts: readonly string[]): Int32Array[] {
    return texts.map((text) => Int32Array.of(text.length));
  }

  embedText(arena: Arena, tokens: readonly Int32Array[]): Promise<TextEmbedding> {
    const { dimLatent } = this;
    const batch = tokens.length;
    const lengths = tokens.flatMap(([letters = 0]) => new Array<number>(dimLatent).fill(letters / 10));
    const textEmbed = arena.scope(() =>
      multiply(
        arena.from(Float32Array.from(lengths), [batch, dimLatent], "f32"),
        broadcastBatch(arena.share(this.#direction), batch),
      ),
    );
    const textEncodings = arena.empty([batch, 1, 1], "f32");
    return Promise.resolve({ textEmbed, textEncodings, textMask: tokens.map(() => [1]) });
  }
}

/** The text encoder, from a folder. */
async function loadEncoders({ opened, arena }: BuildRequest<ModelSource>): Promise<Declared<Encoders>> {
  const checkpoint = await openComponent(folderIn(opened), "text_encoder", "model");
  const { value } = await componentConfig(folderIn(opened), "text_encoder");
  const network = new WeightStore(arena, checkpoint);
  const text = new ToyTextEncoder(value.dim as number, network);
  return {
    model: { text, image: undefined, dimLatent: text.dimLatent },
    components: [{ name: TEXT_ENCODER, weights: network }],
    weights: [{ stores: [network] }],
  };
}

function folderIn(opened: Opened) {
  if (opened.kind === "file") throw new Error("this toy is a folder");
  return opened;
}

/** The prior, from a folder. */
async function loadPrior({ opened, arena }: BuildRequest<PriorSource>): Promise<Declared<Prior>> {
  const folder = folderIn(opened);
  const checkpoint =
    folder.index._class_name === CLASS
      ? await openCheckpoint(await folder.open("prior.safetensors"))
      : await openComponent(folder, "prior", "diffusion_pytorch_model");
  const network = new WeightStore(arena, checkpoint);
  const model = new ToyPrior(checkpoint.tensors.get("gain")!.shape[1]!, network);
  return { model, components: [{ name: "the toy's prior", weights: network }], weights: [{ stores: [network] }] };
}

/** The cascade, from one file or from a folder. */
async function loadCascade([request]: readonly BuildRequest<UnetSource>[]): Promise<Declared<Cascade>> {
  const { opened, source, arena } = request!;
  const file = opened.kind === "file" ? opened : await openComponent(opened, "decoder", "diffusion_pytorch_model");
  const [bright, last] = [new WeightStore(arena, file), new WeightStore(arena, file)];
  const components: Component[] = [
    { name: BRIGHT, weights: bright },
    { name: LAST, weights: last },
  ];
  const model = new ToyCascade(keys.parse(source).toy_shift ?? 0, bright, last);
  return { model, components, weights: [{ stores: [bright, last], dialect: { version: "7" } }] };
}

const WHOLE_CLAIM: Claim = {
  component: "toy pipeline",
  kind: ["prior", "decoder", "clip"],
  words: "a whole toy",
  components: { prior: ["prior", "scheduler"], decoder: ["decoder"], clip: ["text_encoder", "tokenizer"] },
};

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
      if (opened.index._class_name === WHOLE_CLASS) return WHOLE_CLAIM;
      if (opened.index._class_name !== CLASS) return undefined;
      return { component: "toy prior", kind: "prior", words: "the prior of a toy" };
    }
    return opened.tensors.has("bright.gain") ? { component: "toy", kind: "decoder", words: "a toy" } : undefined;
  },
  prior: loadPrior,
  cascade: loadCascade,
  encoders: loadEncoders,
  verify: () => Promise.resolve(new Map([["toy", verifyTwice]])),
  inspect: () => ({
    component: "toy",
    dialect: { version: "7" },
    sections: [{ title: "Toy of version 7", rows: [["colour", "red"]] }],
    warnings: [],
  }),
  convertedMetadata: () => ({ toy: "7" }),
};

async function verifyTwice(fixture: Fixture): Promise<Output[]> {
  const { data: expected } = await fixture.tensor("out.twice");
  const { data } = await fixture.tensor("in.once");
  return [{ name: "twice", actual: data.map((x) => 2 * x), expected, tolerance: { maxRelative: 0 } }];
}

/** The index of the folder that the prior comes in. */
export const TOY_INDEX = { _class_name: CLASS, prior: ["toys", "ToyPrior"] };

/** The index of a folder with all models, and with components that nobody reads. */
export const TOY_PIPELINE_INDEX = {
  _class_name: WHOLE_CLASS,
  _diffusers_version: "0.11.0",
  prior: ["diffusers", "ToyPrior"],
  scheduler: ["diffusers", "ToyScheduler"],
  decoder: ["diffusers", "ToyUNet"],
  text_encoder: ["transformers", "ToyTextModel"],
  tokenizer: ["transformers", "ToyTokenizer"],
  safety_checker: ["stable_diffusion", "SafetyChecker"],
  feature_extractor: [null, null],
};
