import { counted } from "../../platform/counted.js";
import { ArgumentError, count as atLeastOne } from "../../platform/arguments.js";
import { takesText, type Cascade, type CascadeSampling, type UseComponent } from "../interfaces.js";
import { planStages } from "../per-stage.js";
import type { DecoderOptions } from "./options.js";
import { resizeNearest } from "../../ops/resize.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import { unetParts } from "./dialect/component.js";
import type { Dialect } from "./dialect/dialect.js";
import type { Weights } from "../../weights/store.js";
import { SamplingError } from "../../diffusion/sampling-error.js";
import { decoderSchedules } from "./stored-schedule.js";
import { UnetSampler } from "./unet-sampler.js";

/** What a decoder is asked for. `textMask` is read by U-Nets of versions before 0.21.1 only. */
export type DecoderSampling = CascadeSampling<Decoder>;

/**
 * The decoder of unCLIP (Ramesh et al. 2022, section 2.1; `Decoder` of DALLE2-pytorch 1.14.2): a cascade of diffusion
 * U-Nets (Ho et al. 2022) from an image embedding to an image. Its U-Nets may come from several checkpoints.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2475-L3290
 */
export class Decoder implements Cascade {
  /** Stage i is U-Net i + 1. Throws `SamplingError` where a U-Net had another place in the decoder of its training. */
  constructor(readonly stages: readonly UnetSampler[]) {
    for (const [i, { index }] of stages.entries()) {
      if (index !== i) throw new SamplingError(`U-Net ${index + 1} of its decoder cannot be U-Net ${i + 1} here.`);
    }
  }

  /**
   * Declares the weights of a decoder, or of the U-Nets with the given numbers in it: each U-Net's at `weightsOf` it, by
   * default where the schedules are. Since 1.0.0 checkpoints hold nothing of U-Nets that were not trained.
   */
  static declare(
    weights: Weights,
    options: DecoderOptions,
    dialect: Dialect,
    unetNumbers?: readonly number[],
    weightsOf: (unetNumber: number) => Weights = () => weights,
  ): UnetSampler[] {
    const all = options.stages.map((_, i) => i + 1);
    const wanted = unetNumbers ?? all;
    const absent = wanted.find((number) => !all.includes(number));
    if (absent !== undefined) throw new SamplingError(`There is no U-Net ${absent} in a decoder of ${all.length}.`);
    for (const number of all) {
      if (wanted.includes(number)) continue;
      weights.ignore(`unets.${number - 1}.`, `noise_schedulers.${number - 1}.`);
    }
    // Training noised low-resolution images by tables that are the same for all; trainers saved CLIP and VAEs beside.
    weights.ignore("lowres_conds.", "clip.", "vaes.");
    const schedules = decoderSchedules(weights, options, dialect.network);
    const held = unetParts(weights.store.source.tensors).map(({ index }) => index);
    return wanted.map((number) => {
      const index = number - 1;
      const isTrained = held.length === 0 || held.includes(index);
      return new UnetSampler(weightsOf(number), options, index, dialect, schedules, isTrained);
    });
  }

  /** Whether a U-Net gives each image of a batch the embeddings of all. */
  get mixesBatch(): boolean {
    return this.stages.some(({ mixesBatch }) => mixesBatch);
  }

  get channels(): number {
    return this.stages[0]!.decoder.channels;
  }

  /**
   * Images f32 `[B, side, side, C]` in [0, 1], unclamped as the reference returns them. The caller disposes them. `arena` is
   * that of the call; each U-Net stores in the type of its weights. Rejects as `UnetSampler.check` throws, and with
   * `ArgumentError` for inputs that are missing or do not fit, before anything is computed.
   */
  async sample(arena: Arena, sampling: DecoderSampling): Promise<Tensor> {
    const run = this.#check(sampling);
    let image = this.#startImage(arena, sampling);
    try {
      for (const { stage, unetNumber, settings } of run.stages) {
        const { noise, signal, onProgress, preview, use = alreadyThere(this, arena) } = sampling;
        const lowres = image;
        const rewind = noise.mark?.();
        const next: Tensor = await use(stage.name, (decoder, own) => {
          rewind?.();
          return decoder.stages[stage.index]!.sample(own, {
            ...run.shared,
            ...settings,
            lowres,
            noise,
            signal,
            onStep: (step, steps) => onProgress?.({ unetNumber, step, steps }),
            preview,
          });
        });
        image?.dispose();
        image = next;
      }
    } catch (error) {
      image?.dispose();
      throw error;
    }
    return image!;
  }

  /** The image to start from, at the size of the stage before the first. */
  #startImage(arena: Arena, { image, startAtUnetNumber: start = 1 }: DecoderSampling): Tensor | undefined {
    if (start === 1 || !image) return undefined;
    const side = this.stages[start - 2]!.stage.imageSize;
    return arena.scope(() => resizeNearest(arena.share(image), [side, side]));
  }

  /** Puts the arguments in order. Throws where they do not fit the decoder or each other. */
  #check(sampling: DecoderSampling) {
    const { imageEmbed, textEncodings, textMask, negative, image, inpaintImage, inpaintMask } = sampling;
    const { inpaintResampleTimes = 5, startAtUnetNumber: start = 1 } = sampling;
    const batch = imageEmbed?.shape[0] ?? image?.shape[0] ?? inpaintImage?.shape[0] ?? sampling.batchSize ?? 1;
    const stages = planStages(this.stages, sampling, { batch, inpaints: inpaintImage !== undefined });
    const samplers = stages.map(({ stage }) => stage);
    if (start > 1 && !image) throw absent("image", `Starting at U-Net ${start} needs an image to start from.`);
    const isConditioned = samplers.some(({ stage }) => stage.unet.condOnImageEmbeds);
    if (isConditioned && !imageEmbed)
      throw absent("imageEmbed", "This decoder needs image embeddings; pass imageEmbed.");
    this.#checkText(samplers, textEncodings);
    if ((inpaintImage === undefined) !== (inpaintMask === undefined)) {
      throw absent(
        inpaintImage ? "inpaintMask" : "inpaintImage",
        "Inpainting takes an image and a mask: pass both, inpaintImage and inpaintMask.",
      );
    }
    atLeastOne("inpaintResampleTimes", inpaintResampleTimes);
    for (const [name, tensor] of Object.entries({ textEncodings, image, inpaintImage, inpaintMask })) {
      if (tensor && tensor.shape[0] !== batch) {
        throw new ArgumentError(name, `${name} is for ${counted(tensor.shape[0]!, "image")}, the rest for ${batch}.`, {
          code: "argument/mismatch",
        });
      }
    }
    const known = inpaintImage && inpaintMask && { image: inpaintImage, mask: inpaintMask };
    return {
      shared: { batch, imageEmbed, textEncodings, textMask, negative, known, resampleTimes: inpaintResampleTimes },
      stages,
    };
  }

  #checkText(stages: readonly UnetSampler[], textEncodings: Tensor | undefined): void {
    if (!textEncodings && stages.some(({ stage }) => stage.unet.condOnTextEncodings)) {
      throw absent("textEncodings", "This decoder was trained with text; pass textEncodings.");
    }
    if (textEncodings && !takesText(this)) {
      throw new SamplingError("This decoder was trained without text; leave textEncodings out.");
    }
  }
}

function absent(argument: string, message: string): ArgumentError {
  return new ArgumentError(argument, message, { code: "argument/missing" });
}

function alreadyThere(decoder: Decoder, arena: Arena): UseComponent<Decoder> {
  return (_, body) => body(decoder, arena);
}
