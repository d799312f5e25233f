/** The options that the encoder and the decoder of an image autoencoder have in common. */
export interface AutoencoderOptions {
  /** Channels of images. */
  readonly imageChannels: number;
  /** Channels behind the encoder and before the decoder. */
  readonly latentChannels: number;
  /** Channels of each resolution, from the largest. */
  readonly widths: readonly number[];
  /** Residual blocks of each resolution on the way down; there is one more on the way up. */
  readonly layers: number;
  /** Groups of the group norms. */
  readonly groups: number;
  /** Whether residual blocks are followed by attention: from the largest resolution for the encoder, from the smallest for the decoder. */
  readonly attendsDown: readonly boolean[];
  readonly attendsUp: readonly boolean[];
}

/** How many times smaller than images the latents are. */
export function latentScale({ widths }: Pick<AutoencoderOptions, "widths">): number {
  return 2 ** (widths.length - 1);
}
