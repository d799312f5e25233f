// The networks of Stable unCLIP in their full size, and one pass of each.
import { AutoencoderKl } from "../../src/models/stable-unclip/autoencoder/autoencoder-kl.js";
import { autoencoderKlOptions } from "../../src/models/stable-unclip/config/autoencoder-config.js";
import { stableUnclipUnetOptions } from "../../src/models/stable-unclip/config/unet-config.js";
import { StableUnclipUnet } from "../../src/models/stable-unclip/unet/stable-unclip-unet.js";
import { StepInputs } from "../../src/ops/step-inputs.js";
import { fullSizeStableUnclip } from "../support/full-size-stable-unclip.js";
import { imageEncoder, textEncoder } from "./clip-networks.js";
import { immediate, normals, random, type FullNetwork } from "./network.js";

const reference = fullSizeStableUnclip();

/** The networks by name, for images of `side` pixels. */
export function stableUnclipNetworks(side: number): ReadonlyMap<string, FullNetwork> {
  return new Map([
    ["stable-text-encoder", textEncoder(reference.text_encoder, { projects: false })],
    ["stable-image-encoder", imageEncoder(reference.image_encoder)],
    ["stable-unet", unet(side)],
    ["vae-decode", vae(side, "decode")],
    ["vae-encode", vae(side, "encode")],
  ]);
}

function unet(side: number): FullNetwork {
  const component = reference.unet;
  return {
    component,
    what: `a guided pass for ${side} pixels`,
    declare: (weights) => {
      const network = new StableUnclipUnet(weights, stableUnclipUnetOptions(component.config, ""));
      return immediate((arena) => {
        using steps = new StepInputs(arena, 1);
        const [condition, negative] = [0, 1].map(() =>
          network.condition(arena, {
            classLabels: normals(arena, [1, 2048]),
            context: arena.from(random.normals(77 * 1024), [1, 77, 1024], arena.dtype),
          }),
        );
        const prepared = network.prepare(steps, { batch: 1, times: [951], condition: condition!, negative }, 10);
        return network.forward(normals(arena, [1, side / 8, side / 8, 4]), prepared);
      });
    },
  };
}

function vae(side: number, direction: "decode" | "encode"): FullNetwork {
  const component = reference.vae;
  return {
    component,
    what: `an image of ${side} pixels`,
    declare: (weights) => {
      const network = new AutoencoderKl(weights, autoencoderKlOptions(component.config, ""));
      return immediate((arena) =>
        direction === "decode"
          ? network.decode(normals(arena, [1, side / 8, side / 8, 4]))
          : network.encode(normals(arena, [1, side, side, 3])),
      );
    },
  };
}
