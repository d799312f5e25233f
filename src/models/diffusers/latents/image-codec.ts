import { NotFiniteError } from "../../../diffusion/sampling-error.js";
import { FiniteWatch } from "../../../ops/finite.js";
import { affine } from "../../../ops/elementwise.js";
import { concatBatch, selectBatch } from "../../../ops/layout.js";
import { StepInputs } from "../../../ops/step-inputs.js";
import type { Arena } from "../../../tensor/arena.js";
import type { ComputeType } from "../../../tensor/dtype.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { FIT_SIDE, fitColours, latentsToFit, type LatentColours } from "./latent-colours.js";
import { LATENT_CHANNELS } from "./latents.js";

/** A network that turns images into latents and back. */
export interface Autoencoder {
  /** How many times smaller than images latents are. */
  readonly scale: number;
  /** The latents of images f32 `[B, H, W, 3]` in [-1, 1]: f32 `[B, h, w, 4]`. */
  encode(images: Tensor): Tensor;
  /** The images of latents f32 `[B, h, w, 4]`: f32 `[B, H, W, 3]`, nominally in [-1, 1]. */
  decode(latents: Tensor): Tensor;
}

/** Applies an autoencoder to a batch, one sample after the other, which needs the least memory. */
export class ImageCodec {
  /** `name`: of the component, in messages. `dtype`: of its weights. */
  constructor(
    private readonly name: string,
    private readonly autoencoder: Autoencoder,
    private readonly dtype: ComputeType,
  ) {}

  /** How many times smaller than images latents are. */
  get scale(): number {
    return this.autoencoder.scale;
  }

  /** The latents of images f32 `[B, H, W, 3]` in [-1, 1]: f32 `[B, h, w, 4]`. The caller disposes them. Rejects with `NotFiniteError`. */
  encode(arena: Arena, images: Tensor): Promise<Tensor> {
    return this.#ofEach(arena, images, "latents", (image) => this.autoencoder.encode(image));
  }

  /** The same for images in [0, 1]. */
  async encodeUnit(arena: Arena, images: Tensor): Promise<Tensor> {
    using scaled = arena.scope(() => affine(arena.share(images), 2, -1));
    return await this.encode(arena, scaled);
  }

  /** The images of latents: f32 `[B, H, W, 3]`, nominally in [-1, 1]. The caller disposes them. Rejects with `NotFiniteError`. */
  decode(arena: Arena, latents: Tensor): Promise<Tensor> {
    return this.#ofEach(arena, latents, "an image", (one) => this.autoencoder.decode(one));
  }

  /** The colours of latents for previews. */
  async colours(arena: Arena): Promise<LatentColours> {
    using latents = arena.fromNchw(latentsToFit(), [1, LATENT_CHANNELS, FIT_SIDE, FIT_SIDE], "f32");
    using images = await this.decode(arena, latents);
    const planes = await arena.readNchw(images);
    return fitColours(
      planes.map((value) => value * 0.5 + 0.5),
      this.scale,
    );
  }

  async #ofEach(callArena: Arena, batch: Tensor, what: string, apply: (one: Tensor) => Tensor): Promise<Tensor> {
    const arena = callArena.withType(this.dtype);
    using inputs = new StepInputs(arena, 1);
    using watch = new FiniteWatch(inputs);
    const result = arena.scope(() => {
      const own = arena.share(batch);
      const samples = Array.from({ length: batch.shape[0]! }, (_, i) => apply(selectBatch(own, i, i + 1)));
      const all = samples.reduce((first, next) => concatBatch(first, next));
      watch.check(all, all);
      return all;
    });
    if (!(await watch.read())) return result;
    result.dispose();
    throw NotFiniteError.at({ component: this.name, dtype: arena.dtype, what });
  }
}
