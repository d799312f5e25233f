import type { Cascade, CascadeSampling, ImageEncoder, Prior } from "../../models/interfaces.js";
import type { Arena } from "../../tensor/arena.js";

/** Channels of the pictures that CLIPs see. */
const RGB = 3;

/** Encodes what the prior does to `batch` texts, for `Gpu.warmup` or to count memory: in a scope, with tensors without content. */
export function rehearsePrior(arena: Arena, prior: Prior, batch: number, condScale: number): void {
  const { imageEmbedDim, textShape } = prior;
  arena.scope(() => {
    const textEmbed = arena.empty([batch, imageEmbedDim], "f32");
    const textEncodings = arena.empty([batch, ...textShape]);
    prior.rehearse(arena, { textEmbed, textEncodings, condScale });
  });
}

/** As `rehearsePrior`, for each stage of a cascade, or for some of them, that was trained; or for one component of them. */
export function rehearseDecoder(
  arena: Arena,
  decoder: Cascade,
  batch: number,
  run: Pick<CascadeSampling<Cascade>, "condScale" | "startAtUnetNumber" | "stopAtUnetNumber">,
  component?: string,
): void {
  const { startAtUnetNumber: start = 1, stopAtUnetNumber: stop = decoder.stages.length } = run;
  for (const [i, { info }] of decoder.stages.entries()) {
    if (i + 1 >= start && i < stop && info.isTrained)
      rehearseStage(arena, decoder, batch, i + 1, run.condScale, component);
  }
}

function rehearseStage(
  arena: Arena,
  decoder: Cascade,
  batch: number,
  number: number,
  condScale: CascadeSampling<Cascade>["condScale"],
  component: string | undefined,
): void {
  const infos = decoder.stages.map(({ info }) => info);
  const imageDim = infos.find(({ imageEmbedDim }) => imageEmbedDim !== undefined)?.imageEmbedDim;
  const textShape = infos.find((info) => info.textShape !== undefined)?.textShape;
  const before = infos[number - 2];
  arena.scope(() => {
    const sampling = {
      condScale,
      startAtUnetNumber: number,
      stopAtUnetNumber: number,
      batchSize: batch,
      imageEmbed: imageDim === undefined ? undefined : arena.empty([batch, imageDim], "f32"),
      textEncodings: textShape && arena.empty([batch, ...textShape], "f32"),
      image: before && arena.empty([batch, before.imageSize, before.imageSize, decoder.channels], "f32"),
    };
    decoder.rehearse(arena, sampling, component);
  });
}

/** As `rehearsePrior`, for CLIP's image encoder. */
export function rehearseImageEncoder(arena: Arena, clip: ImageEncoder, batch: number): void {
  arena.scope(() => {
    clip.embedImage(arena.empty([batch, clip.imageSize, clip.imageSize, RGB], "f32"));
  });
}
