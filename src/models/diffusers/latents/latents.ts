// What decoders in a latent space have in common.

/** Channels of the latents. */
export const LATENT_CHANNELS = 4;

/** Height and width. */
export type Size = readonly [height: number, width: number];

/** Name of the U-Net that samples latents: the only stage of such a decoder. */
export const UNET_NAME = "U-Net 1";
