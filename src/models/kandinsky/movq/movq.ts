import { Conv2d } from "../../../nn/conv2d.js";
import { cast } from "../../../ops/layout.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { TableReader, Weights } from "../../../weights/store.js";
import { AutoencoderDecoder } from "../../diffusers/autoencoder/decoder.js";
import { AutoencoderEncoder } from "../../diffusers/autoencoder/encoder.js";
import { spatialNorms } from "../../diffusers/autoencoder/norms.js";
import { latentScale } from "../../diffusers/autoencoder/options.js";
import type { MovqOptions } from "../config/movq-config.js";

/**
 * MoVQ (Zheng et al. 2022), which turns images into latents and back (`VQModel` of diffusers). The pipelines decode latents as they
 * are, without the codebook, and scale them by nothing.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/models/autoencoders/vq_model.py#L40-L182
 */
export class Movq {
  readonly #encoder: AutoencoderEncoder;
  readonly #quantConv: Conv2d;
  readonly #codebook: TableReader;
  readonly #postQuantConv: Conv2d;
  readonly #decoder: AutoencoderDecoder;

  /** Declares the weights. The codebook stays in the file. */
  constructor(
    weights: Weights,
    readonly options: MovqOptions,
  ) {
    const { latentChannels, codes } = options;
    this.#encoder = new AutoencoderEncoder(weights.at("encoder"), options);
    this.#quantConv = new Conv2d(weights.at("quant_conv"), latentChannels, latentChannels, 1);
    this.#codebook = weights.rows("quantize.embedding.weight", [codes, latentChannels]);
    this.#postQuantConv = new Conv2d(weights.at("post_quant_conv"), latentChannels, latentChannels, 1);
    this.#decoder = new AutoencoderDecoder(weights.at("decoder"), options, spatialNorms(latentChannels));
  }

  /** How many times smaller than images the latents are. */
  get scale(): number {
    return latentScale(this.options);
  }

  /** The latents of images f32 `[B, H, W, 3]` in [-1, 1]: f32 `[B, h, w, latentChannels]`. */
  encode(images: Tensor): Tensor {
    const { arena } = images;
    return arena.scope(() => {
      const encoded = this.#encoder.forward(cast(images, arena.dtype));
      return cast(this.#quantConv.forward(encoded), "f32");
    });
  }

  /** The images of latents f32 `[B, h, w, latentChannels]`: f32 `[B, H, W, 3]`, nominally in [-1, 1]. */
  decode(latents: Tensor): Tensor {
    const { arena } = latents;
    return arena.scope(() => {
      // Spatial norms read the latents from before the convolution.
      const own = cast(latents, arena.dtype);
      return cast(this.#decoder.forward(this.#postQuantConv.forward(own), own), "f32");
    });
  }

  /**
   * For each pixel of latents, `[..., latentChannels]`, the entry of the codebook that is nearest to it, the first of equals. Returns
   * the index and the values of each.
   */
  async quantize(latents: Float32Array): Promise<{ readonly indices: Int32Array; readonly values: Float32Array }> {
    const { rows, dim } = this.#codebook;
    const codes = await this.#codebook.read(Array.from({ length: rows }, (_, row) => row));
    const indices = new Int32Array(latents.length / dim);
    const values = new Float32Array(latents.length);
    for (let pixel = 0; pixel < indices.length; pixel++) {
      const index = nearestRow(latents.subarray(pixel * dim, (pixel + 1) * dim), codes);
      indices[pixel] = index;
      values.set(codes.subarray(index * dim, (index + 1) * dim), pixel * dim);
    }
    return { indices, values };
  }
}

/** The first of the rows that are nearest to a vector. */
function nearestRow(vector: Float32Array, rows: Float32Array): number {
  const dim = vector.length;
  let [nearest, least] = [0, Infinity];
  for (let row = 0; row < rows.length / dim; row++) {
    let distance = 0;
    for (let i = 0; i < dim; i++) distance += (vector[i]! - rows[row * dim + i]!) ** 2;
    if (distance < least) [nearest, least] = [row, distance];
  }
  return nearest;
}
