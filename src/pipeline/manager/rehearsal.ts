import type { Decoder, DecoderSampling } from "../../models/dalle2-pytorch/decoder.js";
import type { DiffusionPrior } from "../../models/dalle2-pytorch/diffusion-prior.js";
import type { ClipModel } from "../../models/clip/clip-model.js";
import type { AskedSettings, CascadeSettings } from "../../diffusion/settings.js";
import type { Arena } from "../../tensor/arena.js";

/** Channels of the pictures that CLIPs see. */
const RGB = 3;

/** Encodes what the prior does to `batch` texts, for `Gpu.warmup` or to count memory: in a scope, with tensors without content. */
export function rehearsePrior(arena: Arena, prior: DiffusionPrior, batch: number, settings: AskedSettings): void {
  const { imageEmbedDim, net } = prior.options;
  arena.scope(() => {
    const textEmbed = arena.empty([batch, imageEmbedDim], "f32");
    const textEncodings = arena.empty([batch, net.maxTextLen, net.dim]);
    prior.rehearse({ ...settings, textEmbed, textEncodings });
  });
}

/** As `rehearsePrior`, for each U-Net of a decoder, or of some of them, that was trained. */
export function rehearseDecoder(
  arena: Arena,
  decoder: Decoder,
  batch: number,
  run: CascadeSettings & Pick<DecoderSampling, "startAtUnetNumber" | "stopAtUnetNumber">,
): void {
  const { startAtUnetNumber: start = 1, stopAtUnetNumber: stop = decoder.stages.length } = run;
  const trained = decoder.stages.slice(start - 1, stop).filter(({ isTrained }) => isTrained);
  for (const { index } of trained) rehearseUnet(arena, decoder, batch, index + 1, run);
}

function rehearseUnet(arena: Arena, decoder: Decoder, batch: number, number: number, settings: CascadeSettings): void {
  const stages = decoder.stages.map(({ stage }) => stage);
  const imageDim = stages.find(({ unet }) => unet.condOnImageEmbeds)?.unet.imageEmbedDim ?? undefined;
  const text = stages.find(({ unet }) => unet.condOnTextEncodings)?.unet;
  const textDim = text?.textEmbedDim ?? undefined;
  const before = stages[number - 2];
  arena.scope(() => {
    decoder.rehearse({
      ...settings,
      startAtUnetNumber: number,
      stopAtUnetNumber: number,
      batchSize: batch,
      imageEmbed: imageDim === undefined ? undefined : arena.empty([batch, imageDim], "f32"),
      textEncodings: textDim === undefined ? undefined : arena.empty([batch, text!.maxTextLen, textDim], "f32"),
      image:
        before && arena.empty([batch, before.imageSize, before.imageSize, decoder.stages[0]!.decoder.channels], "f32"),
    });
  });
}

/** As `rehearsePrior`, for CLIP's image encoder. */
export function rehearseImageEncoder(arena: Arena, clip: ClipModel, batch: number): void {
  arena.scope(() => {
    clip.embedImage(arena.empty([batch, clip.imageSize, clip.imageSize, RGB], "f32"));
  });
}
