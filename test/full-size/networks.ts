// The networks of Kandinsky 2.2 in their full size, and one pass of each.
import { movqOptions } from "../../src/models/kandinsky/config/movq-config.js";
import { kandinskyUnetOptions } from "../../src/models/kandinsky/config/unet-config.js";
import { Movq } from "../../src/models/kandinsky/movq/movq.js";
import { KandinskyUnet } from "../../src/models/kandinsky/unet/kandinsky-unet.js";
import { TransformersImageEncoder, visionModelOptions } from "../../src/models/clip/transformers/image-encoder.js";
import { ImageProcessor } from "../../src/models/clip/transformers/image-processor.js";
import { TransformersTextEncoder, textModelOptions } from "../../src/models/clip/transformers/text-encoder.js";
import { fromTransformers } from "../../src/models/clip/transformers-names.js";
import { priorOptions } from "../../src/models/diffusers/config/prior-config.js";
import { PriorTransformer } from "../../src/models/diffusers/prior/prior-transformer.js";
import { StepInputs } from "../../src/ops/step-inputs.js";
import type { Arena } from "../../src/tensor/arena.js";
import type { Tensor } from "../../src/tensor/tensor.js";
import { ClipTokenizer } from "../../src/tokenizer/clip-tokenizer.js";
import type { TensorSource } from "../../src/weights/tensor-source.js";
import type { Weights } from "../../src/weights/store.js";
import {
  fullSizeKandinsky,
  IMAGE_PROCESSOR,
  NO_TOKENS,
  UNETS,
  type KandinskyComponent,
} from "../support/full-size-kandinsky.js";
import { Random } from "../support/gpu.js";

/** A pass of a network. It encodes it, and returns its result. */
type Pass = (arena: Arena) => Promise<Tensor>;

export interface FullNetwork {
  readonly component: KandinskyComponent;
  /** What the pass computes. */
  readonly what: string;
  /** Declares the weights. */
  readonly declare: (weights: Weights) => Pass;
  /** The names of tensors that the network declares, if they are not those of the file. */
  readonly renamed?: (source: TensorSource) => TensorSource;
}

const reference = fullSizeKandinsky();
const configOf = (component: KandinskyComponent): unknown => reference[component].config;
const random = new Random(5);

/** The networks by name, for images of `side` pixels. */
export function fullNetworks(side: number): ReadonlyMap<string, FullNetwork> {
  return new Map<string, FullNetwork>([
    ["text-encoder", textEncoder()],
    ["image-encoder", imageEncoder()],
    ["prior", prior()],
    ...UNETS.map((form): [string, FullNetwork] => [form.replace("_", "-"), unet(form, side)]),
    ["movq-decode", movq(side, "decode")],
    ["movq-encode", movq(side, "encode")],
  ]);
}

function textEncoder(): FullNetwork {
  return {
    component: "text_encoder",
    what: "a text of 77 tokens",
    renamed: fromTransformers,
    declare: (weights) => {
      const tokens = { tokenizer: new ClipTokenizer(NO_TOKENS), maxLength: 77 };
      const encoder = new TransformersTextEncoder(weights, textModelOptions(configOf("text_encoder"), ""), tokens);
      return async (arena) => {
        const text = Int32Array.from({ length: 77 }, () => random.integer(0, 49407));
        const { textEmbed, textEncodings } = await encoder.embedText(arena, [text]);
        textEncodings.dispose();
        return textEmbed;
      };
    },
  };
}

function imageEncoder(): FullNetwork {
  return {
    component: "image_encoder",
    what: "an image of 224 pixels",
    renamed: fromTransformers,
    declare: (weights) => {
      const processor = new ImageProcessor(IMAGE_PROCESSOR, "", 224);
      const encoder = new TransformersImageEncoder(
        weights,
        visionModelOptions(configOf("image_encoder"), ""),
        processor,
      );
      return immediate((arena) => encoder.embedImage(normals(arena, [1, 224, 224, 3])));
    },
  };
}

function prior(): FullNetwork {
  return {
    component: "prior",
    what: "a guided pass",
    declare: (weights) => {
      const network = new PriorTransformer(weights, priorOptions(configOf("prior"), ""));
      return immediate((arena) => {
        using steps = new StepInputs(arena, 1);
        const condition = {
          textEmbed: normals(arena, [1, 1280]),
          textEncodings: normals(arena, [1, 77, 1280]),
          textMask: [new Array<number>(77).fill(1)],
        };
        const run = { batch: 1, times: [999], condition, negative: condition };
        return network.forward(normals(arena, [1, 1280]), network.prepare(steps, run, 4));
      });
    },
  };
}

function unet(form: (typeof UNETS)[number], side: number): FullNetwork {
  const latent = side / 8;
  return {
    component: form,
    what: `a guided pass for ${side} pixels`,
    declare: (weights) => {
      const network = new KandinskyUnet(weights, kandinskyUnetOptions(configOf(form), ""));
      return immediate((arena) => {
        using steps = new StepInputs(arena, 1);
        const condition = network.condition(arena, normals(arena, [1, 1280]));
        const prepared = network.prepare(steps, { batch: 1, times: [991], condition, negative: condition }, 4);
        const beside = {
          unet: () => undefined,
          unet_inpaint: () => normals(arena, [1, latent, latent, 5]),
          unet_hint: () => network.hintFeatures(arena, normals(arena, [1, side, side, 3])),
        }[form]();
        return network.forward(normals(arena, [1, latent, latent, 4]), prepared, beside);
      });
    },
  };
}

function movq(side: number, direction: "decode" | "encode"): FullNetwork {
  return {
    component: "movq",
    what: `an image of ${side} pixels`,
    declare: (weights) => {
      const network = new Movq(weights, movqOptions(configOf("movq"), ""));
      return immediate((arena) =>
        direction === "decode"
          ? network.decode(normals(arena, [1, side / 8, side / 8, 4]))
          : network.encode(normals(arena, [1, side, side, 3])),
      );
    },
  };
}

function immediate(pass: (arena: Arena) => Tensor): Pass {
  return (arena) => Promise.resolve(arena.scope(() => pass(arena)));
}

function normals(arena: Arena, shape: readonly number[]): Tensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  return arena.from(random.normals(size), shape, "f32");
}
