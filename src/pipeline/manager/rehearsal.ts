import type { AskedSettings, CascadeSettings } from "../../diffusion/settings.js";
import type { NoiseSource } from "../../diffusion/noise.js";
import type { Cascade, CascadeSampling, ImageEncoder, Prior } from "../../models/interfaces.js";
import type { Arena } from "../../tensor/arena.js";
import { HeldTensors } from "../../tensor/held-tensors.js";

/** Channels of the pictures that CLIPs see. */
const RGB = 3;

/** What a dry run draws its noise from: it draws none. */
const SILENCE: NoiseSource = { randn: () => new Float32Array(0) };

/** Samples the prior for `batch` texts without content, in a dry run: `Gpu.warmup`, or a device that counts memory. */
export async function rehearsePrior(arena: Arena, prior: Prior, batch: number, settings: AskedSettings): Promise<void> {
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

/** As `rehearsePrior`, for each stage of a cascade, or for some of them, that was trained. */
export async function rehearseDecoder(arena: Arena, decoder: Cascade, batch: number, run: DryRun): Promise<void> {
  const { startAtUnetNumber: start = 1, stopAtUnetNumber: stop = decoder.stages.length } = run;
  for (const [i, { info }] of decoder.stages.entries()) {
    const number = i + 1;
    if (number < start || number > stop || !info.isTrained) continue;
    await rehearseStage(arena, decoder, batch, { ...run, startAtUnetNumber: number, stopAtUnetNumber: number });
  }
}

async function rehearseStage(
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

/** As `rehearsePrior`, for CLIP's image encoder. */
export function rehearseImageEncoder(arena: Arena, clip: ImageEncoder, batch: number): void {
  arena.scope(() => {
    clip.embedImage(arena.empty([batch, clip.imageSize, clip.imageSize, RGB], "f32"));
  });
}
