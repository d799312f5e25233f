import { concatChannels } from "../../../ops/layout.js";
import { ShapeError } from "../../../ops/shape-error.js";
import type { StepInputs } from "../../../ops/step-inputs.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Weights } from "../../../weights/store.js";
import { LATENT_CHANNELS } from "../../diffusers/latents/latents.js";
import { AddedKeyUnet } from "../../diffusers/unet/added-key-unet.js";
import type { PreparedUnet, UnetCondition, UnetRun } from "../../diffusers/unet/context-unet.js";
import type { KandinskyUnetOptions } from "../config/unet-config.js";
import { HintBlock } from "./hint-block.js";
import { ImageCondition } from "./image-condition.js";

/**
 * The U-Net of Kandinsky's decoder: from noisy latents, the timestep and an image embedding to the predicted noise. It may read more
 * beside the latents: what to keep, or a hint.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/unets/unet_2d_condition.py#L981-L1270
 */
export class KandinskyUnet {
  readonly #unet: AddedKeyUnet;
  readonly #condition: ImageCondition;
  readonly #hint: HintBlock | undefined;

  /** Declares the weights. */
  constructor(
    weights: Weights,
    readonly options: KandinskyUnetOptions,
  ) {
    this.#unet = new AddedKeyUnet(weights, options);
    this.#condition = new ImageCondition(weights, options);
    if (options.beside === "hint") this.#hint = new HintBlock(weights);
  }

  /** The condition of image embeddings `[batch, imageEmbedDim]`. */
  condition(arena: Arena, imageEmbed: Tensor): UnetCondition {
    return this.#condition.forward(arena, imageEmbed);
  }

  /** What to read beside the latents for hints f32 `[B, 8h, 8w, 3]`. Throws `ShapeError` if it takes none. */
  hintFeatures(arena: Arena, hint: Tensor): Tensor {
    if (!this.#hint) throw new ShapeError("KandinskyUnet", "hint", hint.shape, "no hint");
    return this.#hint.forward(arena, hint);
  }

  /** Prepares a run. With a guidance `scale` other than 1, `run.negative` is the condition to guide away from. */
  prepare(inputs: StepInputs, run: UnetRun, scale = 1): PreparedUnet {
    return this.#unet.prepare(inputs, run, scale);
  }

  /**
   * The prediction in the current pass for latents f32 `[B, h, w, 4]`, and what to read beside them: f32 `[B, h, w, channelsOut]`.
   * Height and width must be divisible by 2 for each downsampling.
   */
  forward(x: Tensor, prepared: PreparedUnet, beside: Tensor | undefined): Tensor {
    const { channelsIn } = this.options;
    const missing = channelsIn - LATENT_CHANNELS;
    if ((beside?.channels ?? 0) !== missing) {
      throw new ShapeError("KandinskyUnet.forward", "beside", beside?.shape ?? "absent", ["B", "h", "w", missing]);
    }
    if (!beside) return this.#unet.forward(x, prepared);
    return x.arena.scope(() => this.#unet.forward(concatChannels([x, beside]), prepared));
  }
}
