import type { Decoder, DecoderSampling } from "../../models/dalle2-pytorch/decoder.js";
import type { DiffusionPrior } from "../../models/dalle2-pytorch/diffusion-prior.js";
import type { ClipModel } from "../../models/clip/clip-model.js";
import type { AskedSettings, CascadeSettings } from "../../diffusion/settings.js";
import type { NoiseSource } from "../../diffusion/noise.js";
import type { Arena } from "../../tensor/arena.js";
import { HeldTensors } from "../../tensor/held-tensors.js";

// What calls do, on a stream that computes nothing (`CommandStream.isDryRun`): to compile kernels, or to count memory.

/** Channels of the images that CLIPs see. */
const RGB = 3;

/** What a dry run draws its noise from: it draws none. */
const SILENCE: NoiseSource = { randn: () => new Float32Array(0) };

/** As the prior does to `batch` texts, without content. */
export async function dryRunPrior(
  arena: Arena,
  prior: DiffusionPrior,
  batch: number,
  settings: AskedSettings,
): Promise<void> {
  const { imageEmbedDim, net } = prior.options;
  using held = new HeldTensors(arena);
  const texts = held.hold(() => ({
    textEmbed: arena.empty([batch, imageEmbedDim], "f32"),
    textEncodings: arena.empty([batch, net.maxTextLen, net.dim]),
  }));
  await prior.sample(arena, { ...settings, ...texts, noise: SILENCE });
}

/** As `dryRunPrior`, for each U-Net of a decoder, or of some of them, that was trained. */
export async function dryRunDecoder(
  arena: Arena,
  decoder: Decoder,
  batch: number,
  run: CascadeSettings & Pick<DecoderSampling, "startAtUnetNumber" | "stopAtUnetNumber">,
): Promise<void> {
  const { startAtUnetNumber: start = 1, stopAtUnetNumber: stop = decoder.stages.length } = run;
  const trained = decoder.stages.slice(start - 1, stop).filter(({ isTrained }) => isTrained);
  for (const { index } of trained) await dryRunUnet(arena, decoder, batch, index + 1, run);
}

async function dryRunUnet(
  arena: Arena,
  decoder: Decoder,
  batch: number,
  number: number,
  settings: CascadeSettings,
): Promise<void> {
  const stages = decoder.stages.map(({ stage }) => stage);
  const imageDim = stages.find(({ unet }) => unet.condOnImageEmbeds)?.unet.imageEmbedDim ?? undefined;
  const text = stages.find(({ unet }) => unet.condOnTextEncodings)?.unet;
  const textDim = text?.textEmbedDim ?? undefined;
  const before = stages[number - 2];
  using held = new HeldTensors(arena);
  const inputs = held.hold(() => ({
    imageEmbed: imageDim === undefined ? undefined : arena.empty([batch, imageDim], "f32"),
    textEncodings: textDim === undefined ? undefined : arena.empty([batch, text!.maxTextLen, textDim], "f32"),
    image:
      before && arena.empty([batch, before.imageSize, before.imageSize, decoder.stages[0]!.decoder.channels], "f32"),
  }));
  const run = { ...settings, startAtUnetNumber: number, stopAtUnetNumber: number, batchSize: batch };
  const images = await decoder.sample(arena, { ...run, ...inputs, noise: SILENCE });
  images.dispose();
}

/** As CLIP's text encoder does to `batch` texts. */
export async function dryRunTextEncoder(arena: Arena, clip: ClipModel, batch: number): Promise<void> {
  const texts = Array.from({ length: batch }, () => new Int32Array(clip.contextLength));
  const { textEmbed, textEncodings } = await clip.embedText(arena, texts);
  textEmbed.dispose();
  textEncodings.dispose();
}

/** As CLIP's image encoder does to `batch` images. */
export function dryRunImageEncoder(arena: Arena, clip: ClipModel, batch: number): Promise<void> {
  arena.scope(() => {
    clip.embedImage(arena.empty([batch, clip.imageSize, clip.imageSize, RGB], "f32"));
  });
  return Promise.resolve();
}
