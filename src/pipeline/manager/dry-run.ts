import type { AskedSettings, CascadeSettings } from "../../diffusion/settings.js";
import type { NoiseSource } from "../../diffusion/noise.js";
import type { Cascade, CascadeSampling, ImageEncoder, Prior, TextEncoder } from "../../models/interfaces.js";
import type { Arena } from "../../tensor/arena.js";
import { HeldTensors } from "../../tensor/held-tensors.js";

// What calls do, on a stream that computes nothing (`CommandStream.isDryRun`): to compile kernels, or to count memory.

/** Channels of the images that CLIPs see. */
const RGB = 3;

/** What a dry run draws its noise from: it draws none. */
const SILENCE: NoiseSource = { randn: () => new Float32Array(0) };

/** As the prior does to `batch` texts, without content. */
export async function dryRunPrior(arena: Arena, prior: Prior, batch: number, settings: AskedSettings): Promise<void> {
  const { imageEmbedDim, textShape } = prior;
  using held = new HeldTensors(arena);
  const texts = held.hold(() => ({
    textEmbed: arena.empty([batch, imageEmbedDim], "f32"),
    textEncodings: arena.empty([batch, ...textShape]),
  }));
  await prior.sample(arena, { ...settings, ...texts, noise: SILENCE });
}

/** What a dry run of a cascade is told. */
type DryRun = CascadeSettings & Pick<CascadeSampling<Cascade>, "startAtUnetNumber" | "stopAtUnetNumber" | "use">;

/** As `dryRunPrior`, for each stage of a cascade, or for some of them, that was trained. */
export async function dryRunDecoder(arena: Arena, decoder: Cascade, batch: number, run: DryRun): Promise<void> {
  const { startAtUnetNumber: start = 1, stopAtUnetNumber: stop = decoder.stages.length } = run;
  for (const [i, { info }] of decoder.stages.entries()) {
    const number = i + 1;
    if (number < start || number > stop || !info.isTrained) continue;
    await dryRunStage(arena, decoder, batch, { ...run, startAtUnetNumber: number, stopAtUnetNumber: number });
  }
}

async function dryRunStage(
  arena: Arena,
  decoder: Cascade,
  batch: number,
  run: DryRun & { readonly startAtUnetNumber: number },
): Promise<void> {
  const infos = decoder.stages.map(({ info }) => info);
  const imageDim = infos.find(({ imageEmbedDim }) => imageEmbedDim !== undefined)?.imageEmbedDim;
  const textShape = infos.find((info) => info.textShape !== undefined)?.textShape;
  const before = infos[run.startAtUnetNumber - 2];
  using held = new HeldTensors(arena);
  const inputs = held.hold(() => ({
    imageEmbed: imageDim === undefined ? undefined : arena.empty([batch, imageDim], "f32"),
    textEncodings: textShape && arena.empty([batch, ...textShape], "f32"),
    image: before && arena.empty([batch, before.imageSize, before.imageSize, decoder.channels], "f32"),
  }));
  const images = await decoder.sample(arena, { ...run, ...inputs, batchSize: batch, noise: SILENCE });
  images.dispose();
}

/** As a text encoder does to `batch` texts. */
export async function dryRunTextEncoder(arena: Arena, encoder: TextEncoder, batch: number): Promise<void> {
  const texts = Array.from({ length: batch }, () => new Int32Array(encoder.contextLength));
  const { textEmbed, textEncodings } = await encoder.embedText(arena, texts);
  textEmbed.dispose();
  textEncodings.dispose();
}

/** As an image encoder does to `batch` images. */
export function dryRunImageEncoder(arena: Arena, clip: ImageEncoder, batch: number): Promise<void> {
  arena.scope(() => {
    clip.embedImage(arena.empty([batch, clip.imageSize, clip.imageSize, RGB], "f32"));
  });
  return Promise.resolve();
}
