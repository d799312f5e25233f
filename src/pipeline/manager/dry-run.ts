import type { AskedSettings, CascadeSettings } from "../../diffusion/settings.js";
import type { NoiseSource } from "../../diffusion/noise.js";
import type {
  Cascade,
  CascadeSampling,
  ImageEncoder,
  Prior,
  TextEncoder,
  TextMaskRows,
} from "../../models/interfaces.js";
import type { TextShape } from "../../models/stage-info.js";
import type { Arena } from "../../tensor/arena.js";
import { canvasSize, checkSize, hintSize } from "../canvas.js";
import type { CanvasOptions } from "../canvas-options.js";
import { HeldTensors } from "../../tensor/held-tensors.js";

// Calls of models on a stream that computes nothing (`CommandStream.isDryRun`): to compile kernels, or to count memory.

/** Channels of the images that CLIP takes. */
const RGB = 3;

/** The noise of a dry run, which needs none. */
const NO_NOISE: NoiseSource = { randn: () => new Float32Array(0) };

/** Dry run of the prior for `batch` texts. */
export async function dryRunPrior(arena: Arena, prior: Prior, batch: number, settings: AskedSettings): Promise<void> {
  const { imageEmbedDim, textEmbedDim = imageEmbedDim, textShape } = prior;
  using held = new HeldTensors(arena);
  const texts = held.hold(() => ({
    textEmbed: arena.empty([batch, textEmbedDim], "f32"),
    textEncodings: arena.empty([batch, ...textShape]),
  }));
  if (prior.nullText === undefined) {
    await prior.sample(arena, { ...settings, ...texts, noise: NO_NOISE });
    return;
  }
  const masked = { ...texts, textMask: noPadding(batch, textShape) };
  await prior.sample(arena, { ...settings, ...masked, negative: masked, noise: NO_NOISE });
}

function noPadding(batch: number, [length]: TextShape): TextMaskRows {
  return Array.from({ length: batch }, () => new Array<number>(length).fill(1));
}

/** Options of a dry run of a cascade. */
type DryRun = CascadeSettings &
  Pick<CascadeSampling<Cascade>, "startAtUnetNumber" | "stopAtUnetNumber" | "use"> &
  Pick<CanvasOptions, "size">;

/**
 * Dry run of each U-Net of a cascade that was trained, or of some of them. Rejects with `ArgumentError` for a size that the decoder does
 * not take.
 */
export async function dryRunDecoder(arena: Arena, decoder: Cascade, batch: number, run: DryRun): Promise<void> {
  const { startAtUnetNumber: start = 1, stopAtUnetNumber: stop = decoder.stages.length } = run;
  checkSize(decoder, { size: run.size });
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
  const takesEmbed = infos.some(({ takesTextEmbed }) => takesTextEmbed);
  const before = infos[run.startAtUnetNumber - 2];
  const info = infos[run.startAtUnetNumber - 1]!;
  const { width, height } = canvasSize(info, { size: run.size });
  const image = (channels: number, size = { width, height }) =>
    arena.empty([batch, size.height, size.width, channels], "f32");
  using held = new HeldTensors(arena);
  const inputs = held.hold(() => ({
    imageEmbed: imageDim === undefined ? undefined : arena.empty([batch, imageDim], "f32"),
    textEncodings: textShape && arena.empty([batch, ...textShape], "f32"),
    textEmbed: takesEmbed && imageDim !== undefined ? arena.empty([batch, imageDim], "f32") : undefined,
    hint: info.takesHint ? image(decoder.channels, hintSize(info, { size: run.size })) : undefined,
    ...(info.inpaintsOnly ? { inpaintImage: image(decoder.channels), inpaintMask: image(1) } : {}),
    image: before && arena.empty([batch, before.imageSize, before.imageSize, decoder.channels], "f32"),
  }));
  const textMask = textShape && takesEmbed ? noPadding(batch, textShape) : undefined;
  const { textEncodings, textEmbed } = inputs;
  const negative = decoder.nullText === undefined ? undefined : { textEncodings, textEmbed, textMask };
  const size = info.sizeUnit === undefined ? undefined : ([height, width] as const);
  const call = { ...run, ...inputs, size, textMask, negative, batchSize: batch, noise: NO_NOISE };
  const images = await decoder.sample(arena, call);
  images.dispose();
}

/** Dry run of a text encoder for `batch` texts. */
export async function dryRunTextEncoder(arena: Arena, encoder: TextEncoder, batch: number): Promise<void> {
  const texts = Array.from({ length: batch }, () => new Int32Array(encoder.contextLength));
  const { textEmbed, textEncodings } = await encoder.embedText(arena, texts);
  textEmbed.dispose();
  textEncodings.dispose();
}

/** Dry run of an image encoder for `batch` images. */
export function dryRunImageEncoder(arena: Arena, clip: ImageEncoder, batch: number): Promise<void> {
  arena.scope(() => {
    clip.embedImage(arena.empty([batch, clip.imageSize, clip.imageSize, RGB], "f32"));
  });
  return Promise.resolve();
}
