import { ArgumentError, atMostOne, count as atLeastOne, fraction } from "../../platform/arguments.js";
import { takesText, type Cascade, type CascadeSampling, type UseComponent } from "../interfaces.js";
import { planStages, sampleInTurn } from "../per-stage.js";
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

/** The inputs and settings of a decoder. Only U-Nets of versions before 0.21.1 use `textMask`. */
export type DecoderSampling = CascadeSampling<Decoder>;

/**
 * The decoder of unCLIP (Ramesh et al. 2022, section 2.1; `Decoder` of DALLE2-pytorch 1.14.2): a cascade of diffusion U-Nets
 * (Ho et al. 2022) that turns an image embedding into an image. Its U-Nets may come from several checkpoints.
 * @see https://github.com/lucidrains/DALLE2-pytorch/blob/00e07b7d61e21447d55e6d06d5c928cf8b67601d/dalle2_pytorch/dalle2_pytorch.py#L2475-L3290
 */
export class Decoder implements Cascade {
  /** Stage i is U-Net i + 1. Throws `SamplingError` if a U-Net had another place in the decoder of its training. */
  constructor(readonly stages: readonly UnetSampler[]) {
    for (const [i, { index }] of stages.entries()) {
      if (index !== i) throw new SamplingError(`U-Net ${index + 1} of a decoder cannot be used as U-Net ${i + 1}.`);
    }
  }

  /**
   * Declares the weights of a decoder, or of the U-Nets with the given numbers. `weightsOf` gives each U-Net's own weights;
   * default: all in the same place. Since 1.0.0 checkpoints have no tensors for untrained U-Nets.
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
    if (absent !== undefined)
      throw new SamplingError(`There is no U-Net ${absent} in a decoder with ${all.length} U-Nets.`);
    for (const number of all) {
      if (wanted.includes(number)) continue;
      weights.ignore(`unets.${number - 1}.`, `noise_schedulers.${number - 1}.`);
    }
    // Tables for noise on low-resolution images in training, equal in all models; a CLIP and VAEs that trainers saved too.
    weights.ignore("lowres_conds.", "clip.", "vaes.");
    const schedules = decoderSchedules(weights, options, dialect.network);
    const held = unetParts(weights.store.source.tensors).map(({ index }) => index);
    return wanted.map((number) => {
      const index = number - 1;
      const isTrained = held.length === 0 || held.includes(index);
      return new UnetSampler(weightsOf(number), options, index, dialect, schedules, isTrained);
    });
  }

  /** True if a U-Net gives each image of a batch the embeddings of all. */
  get mixesBatch(): boolean {
    return this.stages.some(({ mixesBatch }) => mixesBatch);
  }

  get channels(): number {
    return this.stages[0]!.decoder.channels;
  }

  /**
   * Samples images f32 `[B, side, side, C]` in [0, 1], unclamped as in the reference. The caller disposes them. `arena` is
   * that of the call; each U-Net uses the dtype of its weights. Before anything is computed, rejects as `UnetSampler.check`
   * throws, and with `ArgumentError` for inputs that are missing or do not fit.
   */
  async sample(arena: Arena, sampling: DecoderSampling): Promise<Tensor> {
    const run = this.#check(sampling);
    const { noise, signal, onProgress, preview, use = alreadyThere(this, arena) } = sampling;
    const image = this.#startImage(arena, sampling);
    return sampleInTurn(run.stages, image, ({ stage, unetNumber, settings }, lowres) => {
      const rewind = noise.mark?.();
      return use(stage.name, (decoder, own) => {
        rewind?.();
        return decoder.stages[stage.index]!.sample(own, {
          ...run.shared,
          ...settings,
          ...(unetNumber === 1 ? run.start : {}),
          lowres,
          noise,
          signal,
          onStep: (step, steps) => onProgress?.({ unetNumber, step, steps }),
          preview,
        });
      });
    });
  }

  /** The image to start from, at the size of the stage before the first. */
  #startImage(arena: Arena, { image, startAtUnetNumber: start = 1 }: DecoderSampling): Tensor | undefined {
    if (start === 1 || !image) return undefined;
    const side = this.stages[start - 2]!.stage.imageSize;
    return arena.scope(() => resizeNearest(arena.share(image), [side, side]));
  }

  /** Prepares the arguments. Throws if they do not fit the decoder or each other. */
  #check(sampling: DecoderSampling) {
    const { imageEmbed, textEncodings, textMask, negative, image, initImage, inpaintImage, inpaintMask } = sampling;
    const { inpaintResampleTimes = 5, startAtUnetNumber: start = 1 } = sampling;
    const batch =
      imageEmbed?.shape[0] ??
      image?.shape[0] ??
      initImage?.shape[0] ??
      inpaintImage?.shape[0] ??
      sampling.batchSize ??
      1;
    const stages = planStages(this.stages, sampling, { batch, inpaints: inpaintImage !== undefined });
    const samplers = stages.map(({ stage }) => stage);
    if (start > 1 && !image) throw absent("image", `Starting at U-Net ${start} needs an image to start from.`);
    const isConditioned = samplers.some(({ stage }) => stage.unet.condOnImageEmbeds);
    if (isConditioned && !imageEmbed)
      throw absent("imageEmbed", "This decoder needs image embeddings: pass imageEmbed.");
    this.#checkText(samplers, textEncodings);
    if ((inpaintImage === undefined) !== (inpaintMask === undefined)) {
      throw absent(
        inpaintImage ? "inpaintMask" : "inpaintImage",
        "Inpainting needs an image and a mask: pass both inpaintImage and inpaintMask.",
      );
    }
    atLeastOne("inpaintResampleTimes", inpaintResampleTimes);
    for (const [name, tensor] of Object.entries({ textEncodings, image, initImage, inpaintImage, inpaintMask })) {
      if (tensor && tensor.shape[0] !== batch) {
        throw new ArgumentError(
          name,
          `${name} has a batch size of ${tensor.shape[0]}, but the other inputs have ${batch}.`,
          {
            code: "argument/mismatch",
          },
        );
      }
    }
    this.#checkStart(sampling);
    const known = inpaintImage && inpaintMask && { image: inpaintImage, mask: inpaintMask };
    return {
      shared: { batch, imageEmbed, textEncodings, textMask, negative, known, resampleTimes: inpaintResampleTimes },
      stages,
      start: initImage && { initImage, strength: sampling.strength },
    };
  }

  /** Throws where U-Net 1 cannot start from `initImage`. */
  #checkStart({ initImage, strength = 1, inpaintImage, startAtUnetNumber: start = 1 }: DecoderSampling): void {
    fraction("strength", strength);
    if (!initImage) return;
    atMostOne({ initImage, inpaintImage });
    if (start > 1)
      throw conflict("initImage", `U-Net 1 starts from initImage, and this call starts at U-Net ${start}.`);
    const side = this.stages[0]!.stage.imageSize;
    const [, height, width] = initImage.shape;
    if (height === side && width === side) return;
    throw new ArgumentError(
      "initImage",
      `initImage has ${width} × ${height} pixels; U-Net 1 makes ${side} × ${side}.`,
      {
        code: "argument/mismatch",
      },
    );
  }

  #checkText(stages: readonly UnetSampler[], textEncodings: Tensor | undefined): void {
    if (!textEncodings && stages.some(({ stage }) => stage.unet.condOnTextEncodings)) {
      throw absent("textEncodings", "This decoder was trained with text: pass textEncodings.");
    }
    if (textEncodings && !takesText(this)) {
      throw new SamplingError("This decoder was trained without text: leave out textEncodings.");
    }
  }
}

function conflict(argument: string, message: string): ArgumentError {
  return new ArgumentError(argument, message, { code: "argument/conflict" });
}

function absent(argument: string, message: string): ArgumentError {
  return new ArgumentError(argument, message, { code: "argument/missing" });
}

function alreadyThere(decoder: Decoder, arena: Arena): UseComponent<Decoder> {
  return (_, body) => body(decoder, arena);
}
