import { ArgumentError, count as atLeastOne } from "../../platform/arguments.js";
import type { DecoderOptions } from "./options.js";
import type { NegativeCondition } from "./unet/conditioning.js";
import type { TextMask } from "./text-mask.js";
import { resizeNearest } from "../../ops/resize.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import { unetParts } from "./dialect/component.js";
import type { Dialect } from "./dialect/dialect.js";
import type { Weights } from "../../weights/store.js";
import type { Preview } from "../../diffusion/denoise.js";
import type { NoiseSource } from "../../diffusion/noise.js";
import { SamplingError } from "../../diffusion/sampling-error.js";
import { settingsOfEach, withDefaults, type CascadeSettings, type NetworkSettings } from "../../diffusion/settings.js";
import { decoderSchedules } from "./stored-schedule.js";
import { UnetSampler } from "./unet-sampler.js";

/** A step of a cascade: `step` of `steps` of the U-Net with that number, counted from 1. */
export interface DecoderProgress {
  readonly unetNumber: number;
  readonly step: number;
  readonly steps: number;
}

/** What of a call tells which U-Nets run, and how. */
export type CascadeCall = CascadeSettings & Pick<DecoderSampling, "startAtUnetNumber" | "stopAtUnetNumber">;

/** What is sampled; settings for all U-Nets, or for each. */
export interface DecoderSampling extends CascadeSettings {
  /** `[B, D]`: CLIP embeddings of the images wanted; not needed by an unconditional decoder or an upsampler alone. */
  readonly imageEmbed?: Tensor | undefined;
  /** `[B, L, W]`, zero where there is no text; needed where a U-Net was trained with text. */
  readonly textEncodings?: Tensor | undefined;
  /**
   * For each image 1 or 0 for each of its text encodings, 0 being padding; default: rows of zeros are. Only U-Nets of
   * versions before 0.21.1 read it.
   */
  readonly textMask?: TextMask | undefined;
  /** What guidance leads away from, for as many images; default: what was learned for dropped conditions. */
  readonly negative?: NegativeCondition | undefined;
  /** First U-Net to run, counted from 1; with more than 1, `image` is what it starts from. */
  readonly startAtUnetNumber?: number | undefined;
  readonly stopAtUnetNumber?: number | undefined;
  /** f32 `[B, side, side, C]` in [0, 1]. */
  readonly image?: Tensor | undefined;
  /** f32 `[B, side, side, C]` in [0, 1], of which `inpaintMask` says what is kept. */
  readonly inpaintImage?: Tensor | undefined;
  /** f32 `[B, side, side, 1]`: not zero where `inpaintImage` is kept. */
  readonly inpaintMask?: Tensor | undefined;
  /** How often each step is taken when inpainting (Lugmayr et al. 2022). Default 5. */
  readonly inpaintResampleTimes?: number | undefined;
  /** Number of images, where no tensor tells. Default 1. */
  readonly batchSize?: number | undefined;
  readonly noise: NoiseSource;
  /** Runs the sampling of each U-Net, to have its weights on the GPU meanwhile. Default: they are there. */
  readonly useUnet?: UseUnet | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: DecoderProgress) => void) | undefined;
  /** Takes the images that a U-Net is making, f32 `[B, side, side, C]` in [0, 1], unclamped. */
  readonly preview?: Preview | undefined;
}

/**
 * Runs `body` while the weights of U-Net `unetNumber`, counted from 1, are on the GPU. The sampler that it is given may be one
 * that computes in another type; where `body` rejects, it may be run once more, and draws the same noise again.
 */
export type UseUnet = <T>(unetNumber: number, body: (sampler: UnetSampler) => Promise<T>) => Promise<T>;

/**
 * The decoder of unCLIP (Ramesh et al. 2022, section 2.1; `Decoder` of DALLE2-pytorch 1.14.2): a cascade of diffusion
 * U-Nets (Ho et al. 2022) from an image embedding to an image. Its U-Nets may come from several checkpoints.
 */
export class Decoder {
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

  /** Whether any U-Net was trained with text encodings. */
  get conditionOnTextEncodings(): boolean {
    return this.stages.some(({ stage }) => stage.unet.condOnTextEncodings);
  }

  /**
   * Images f32 `[B, side, side, C]` in [0, 1], unclamped as the reference returns them. The caller disposes them. `arena` is
   * that of the call; each U-Net stores in the type of its weights. Rejects with `SamplingError` or `NotFiniteError` (see `UnetSampler.check`) before anything is computed.
   */
  async sample(arena: Arena, sampling: DecoderSampling): Promise<Tensor> {
    const run = this.#check(sampling);
    let image = this.#startImage(arena, sampling);
    try {
      for (const { unetNumber, settings } of run.stages) {
        const { noise, signal, onProgress, preview, useUnet = this.#alreadyThere } = sampling;
        const lowres = image;
        const rewind = noise.mark?.();
        const next: Tensor = await useUnet(unetNumber, (sampler) => {
          rewind?.();
          return sampler.sample(arena, {
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

  /**
   * How each U-Net samples where a call asks for this, and where it does not, as `defaults` say, else the U-Net's own
   * training. Throws `ArgumentError` for a list of another length.
   */
  settings(asked: CascadeSettings, defaults: CascadeSettings = {}): readonly NetworkSettings[] {
    const count = this.stages.length;
    const others = settingsOfEach(defaults, count);
    return settingsOfEach(asked, count).map((one, i) => this.stages[i]!.settings(withDefaults(one, others[i])));
  }

  /** The image to start from, at the size of the stage before the first. */
  #startImage(arena: Arena, { image, startAtUnetNumber: start = 1 }: DecoderSampling): Tensor | undefined {
    if (start === 1 || !image) return undefined;
    const side = this.stages[start - 2]!.stage.imageSize;
    return arena.scope(() => resizeNearest(arena.share(image), [side, side]));
  }

  /**
   * Which U-Nets a call runs, and how. Throws before anything is computed: `ArgumentError` for numbers of U-Nets or steps
   * that there are not, and for lists of another length; else as `UnetSampler.check`, of a batch of that size.
   */
  plan(
    call: CascadeCall,
    { batch = 1, inpaints = false }: { readonly batch?: number; readonly inpaints?: boolean } = {},
  ) {
    const count = this.stages.length;
    const { startAtUnetNumber: start = 1, stopAtUnetNumber: stop = count } = call;
    const isNumber = (value: number) => Number.isInteger(value) && value >= 1 && value <= count;
    if (!isNumber(start) || !isNumber(stop) || start > stop) {
      throw new ArgumentError(
        isNumber(start) ? "stopAtUnetNumber" : "startAtUnetNumber",
        `startAtUnetNumber and stopAtUnetNumber are ${start} and ${stop}; this decoder has U-Nets 1 to ${count}.`,
        { code: "argument/out-of-range" },
      );
    }
    const each = this.settings(call);
    return this.stages.slice(start - 1, stop).map((sampler) => {
      const settings = each[sampler.index]!;
      sampler.check(settings, batch, inpaints);
      return { sampler, unetNumber: sampler.index + 1, settings };
    });
  }

  /** Puts the arguments in order. Throws where they do not fit the decoder or each other. */
  #check(sampling: DecoderSampling) {
    const { imageEmbed, textEncodings, textMask, negative, image, inpaintImage, inpaintMask } = sampling;
    const { inpaintResampleTimes = 5, startAtUnetNumber: start = 1 } = sampling;
    const batch = imageEmbed?.shape[0] ?? image?.shape[0] ?? inpaintImage?.shape[0] ?? sampling.batchSize ?? 1;
    const stages = this.plan(sampling, { batch, inpaints: inpaintImage !== undefined });
    const samplers = stages.map(({ sampler }) => sampler);
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
        throw new ArgumentError(name, `${name} is for ${tensor.shape[0]} images, the rest for ${batch}.`, {
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

  readonly #alreadyThere: UseUnet = (unetNumber, body) => body(this.stages[unetNumber - 1]!);

  #checkText(stages: readonly UnetSampler[], textEncodings: Tensor | undefined): void {
    if (!textEncodings && stages.some(({ stage }) => stage.unet.condOnTextEncodings)) {
      throw absent("textEncodings", "This decoder was trained with text; pass textEncodings.");
    }
    if (textEncodings && !this.conditionOnTextEncodings) {
      throw new SamplingError("This decoder was trained without text; leave textEncodings out.");
    }
  }
}

function absent(argument: string, message: string): ArgumentError {
  return new ArgumentError(argument, message, { code: "argument/missing" });
}
