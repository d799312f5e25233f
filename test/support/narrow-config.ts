import {
  trainDecoderConfig,
  trainPriorConfig,
  type TrainDecoderConfig,
  type TrainPriorConfig,
} from "../../src/models/dalle2-pytorch/train-config.js";

/** Widths of the CLIP of `test/fixtures/pipeline`, whose text encodings are as wide as its embeddings. */
const CLIP_WIDTH = 32;

/** Side of the first U-Net's images: four halvings in LAION's U-Nets leave one pixel. */
const IMAGE_SIZE = 16;

/** A train config, with its kind of model. */
export type ModelConfig =
  | { readonly kind: "decoder"; readonly config: TrainDecoderConfig }
  | { readonly kind: "prior"; readonly config: TrainPriorConfig };

/** A train config, unchanged. */
export function wholeConfig(full: unknown): ModelConfig {
  const decoder = trainDecoderConfig.safeParse(full);
  if (decoder.success) return { kind: "decoder", config: decoder.data };
  return { kind: "prior", config: trainPriorConfig.parse(full) };
}

/** A train config of the same structure, so with the same names in its state dict, but with smaller widths and images. */
export function narrowConfig(full: unknown): ModelConfig {
  const { kind, config } = wholeConfig(full);
  return kind === "decoder" ? { kind, config: narrowDecoder(config) } : { kind, config: narrowPrior(config) };
}

function narrowDecoder({ decoder, ...rest }: TrainDecoderConfig): TrainDecoderConfig {
  const unets = decoder.unets.map((unet) => ({
    ...unet,
    dim: 8,
    cond_dim: 12,
    attn_heads: 2,
    attn_dim_head: 8,
    image_embed_dim: unet.image_embed_dim && CLIP_WIDTH,
    text_embed_dim: unet.text_embed_dim && CLIP_WIDTH,
  }));
  const [first, ...others] = unets.map((_, i) => IMAGE_SIZE * 2 ** i);
  return { ...rest, decoder: { ...decoder, unets: [unets[0]!, ...unets.slice(1)], image_sizes: [first!, ...others] } };
}

function narrowPrior({ prior, ...rest }: TrainPriorConfig): TrainPriorConfig {
  const net = { ...prior.net, dim: CLIP_WIDTH, heads: 2, dim_head: 16 };
  return { ...rest, prior: { ...prior, net, image_embed_dim: CLIP_WIDTH } };
}
