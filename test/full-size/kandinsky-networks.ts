// The networks of Kandinsky 2.2 in their full size, and one pass of each.
import { movqOptions } from "../../src/models/kandinsky/config/movq-config.js";
import { kandinskyUnetOptions } from "../../src/models/kandinsky/config/unet-config.js";
import { Movq } from "../../src/models/kandinsky/movq/movq.js";
import { KandinskyUnet } from "../../src/models/kandinsky/unet/kandinsky-unet.js";
import { priorOptions } from "../../src/models/diffusers/config/prior-config.js";
import { PriorTransformer } from "../../src/models/diffusers/prior/prior-transformer.js";
import { StepInputs } from "../../src/ops/step-inputs.js";
import { fullSizeKandinsky, UNETS, type KandinskyComponent } from "../support/full-size-kandinsky.js";
import { immediate, normals, type FullNetwork } from "./network.js";
import { imageEncoder, textEncoder } from "./clip-networks.js";

const reference = fullSizeKandinsky();
const configOf = (component: KandinskyComponent): unknown => reference[component].config;

/** The networks by name, for images of `side` pixels. */
export function kandinskyNetworks(side: number): ReadonlyMap<string, FullNetwork> {
  return new Map<string, FullNetwork>([
    ["text-encoder", textEncoder(reference.text_encoder)],
    ["image-encoder", imageEncoder(reference.image_encoder)],
    ["prior", prior()],
    ...UNETS.map((form): [string, FullNetwork] => [form.replace("_", "-"), unet(form, side)]),
    ["movq-decode", movq(side, "decode")],
    ["movq-encode", movq(side, "encode")],
  ]);
}

function prior(): FullNetwork {
  return {
    component: reference.prior,
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
    component: reference[form],
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
    component: reference.movq,
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
