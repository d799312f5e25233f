import { ArgumentError, atMostOne, count as atLeastOne, fraction } from "../../platform/arguments.js";
import { resizeBicubic } from "../../ops/resize.js";
import type { Arena } from "../../tensor/arena.js";
import type { Tensor } from "../../tensor/tensor.js";
import type { Cascade, CascadeSampling } from "../interfaces.js";
import { alreadyThere, planStages, sampleInTurn, type PlannedStage } from "../per-stage.js";
import type { DecoderStage } from "./decoder-stage.js";
import { needed, type KarloStage, type StageInputs, type StageSampling } from "./karlo-stage.js";
import { NULL_TEXT } from "../diffusers/null-text.js";
import { runStage } from "./run-stage.js";
import type { SuperResolutionStage } from "./super-resolution-stage.js";

type Sampling = CascadeSampling<KarloCascade>;

/** Channels of an image. */
const CHANNELS = 3;

/**
 * Karlo's decoder and super-resolution, which turn an image embedding into an image.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/unclip/pipeline_unclip.py#L219-L503
 */
export class KarloCascade implements Cascade {
  readonly channels = CHANNELS;
  readonly mixesBatch = false;
  readonly byteRounding = "nearest";
  readonly nullText = NULL_TEXT;
  readonly stages: readonly KarloStage[];

  constructor(decoder: DecoderStage, superResolution: SuperResolutionStage) {
    this.stages = [decoder, superResolution];
  }

  /**
   * Samples images f32 `[B, side, side, 3]` in [0, 1], of U-Net 2 unclamped as in the reference. The caller disposes them.
   * Before anything is computed, rejects as `KarloStage.check` throws, and with `ArgumentError` for inputs that are missing or do
   * not fit.
   */
  async sample(arena: Arena, sampling: Sampling): Promise<Tensor> {
    const run = this.#check(sampling);
    return sampleInTurn(run.stages, this.#startImage(arena, sampling), (planned, lowres) => {
      const inputs = { ...run.shared, ...(planned.unetNumber === 1 ? run.start : {}), lowres };
      return this.#stage(arena, sampling, planned, inputs);
    });
  }

  /** Runs a stage with the components of the call. */
  #stage(
    arena: Arena,
    { noise, signal, onProgress, preview, use = alreadyThere(this, arena) }: Sampling,
    { stage, unetNumber, settings }: PlannedStage<KarloStage>,
    inputs: StageInputs,
  ): Promise<Tensor> {
    const onStep = (step: number, steps: number): void => onProgress?.({ unetNumber, step, steps });
    const sampling: StageSampling = { ...inputs, ...settings, noise, signal, onStep, preview };
    return runStage(arena, stage, sampling, (component, body) =>
      use(component, (cascade, own) => body(cascade.stages[unetNumber - 1]!, own)),
    );
  }

  /** The image to enlarge, at the size of the stage before the first. */
  #startImage(arena: Arena, { image, startAtUnetNumber: start = 1 }: Sampling): Tensor | undefined {
    if (start === 1 || !image) return undefined;
    const side = this.stages[start - 2]!.info.imageSize;
    return arena.scope(() => arena.share(resizeBicubic(arena.share(image), [side, side])));
  }

  /** Prepares the arguments. Throws if they do not fit the cascade or each other. */
  #check(sampling: Sampling) {
    const { imageEmbed, textEmbed, textEncodings, textMask, negative, image, initImage } = sampling;
    const {
      inpaintImage,
      inpaintMask,
      inpaintResampleTimes: resampleTimes = 5,
      startAtUnetNumber: start = 1,
    } = sampling;
    const tensors = { imageEmbed, textEmbed, textEncodings, image, initImage, inpaintImage, inpaintMask };
    const batch = batchOf(tensors) ?? sampling.batchSize ?? 1;
    const stages = planStages(this.stages, sampling, { batch, inpaints: inpaintImage !== undefined });
    if (start > 1) needed("image", image, `Starting at U-Net ${start} needs an image to start from.`);
    if ((inpaintImage === undefined) !== (inpaintMask === undefined)) {
      const message = "Inpainting needs an image and a mask: pass both inpaintImage and inpaintMask.";
      needed(inpaintImage ? "inpaintMask" : "inpaintImage", undefined, message);
    }
    atLeastOne("inpaintResampleTimes", resampleTimes);
    this.#checkStart(sampling);
    const known = inpaintImage && inpaintMask && { image: inpaintImage, mask: inpaintMask };
    return {
      stages,
      shared: { batch, imageEmbed, textEmbed, textEncodings, textMask, negative, known, resampleTimes },
      start: initImage && { initImage, strength: sampling.strength },
    };
  }

  /** Throws where U-Net 1 cannot start from `initImage`. */
  #checkStart({ initImage, strength = 1, inpaintImage, startAtUnetNumber: start = 1 }: Sampling): void {
    fraction("strength", strength);
    if (!initImage) return;
    atMostOne({ initImage, inpaintImage });
    if (start > 1) {
      const message = `U-Net 1 starts from initImage, and this call starts at U-Net ${start}.`;
      throw new ArgumentError("initImage", message, { code: "argument/conflict" });
    }
    const side = this.stages[0]!.info.imageSize;
    const [, height, width] = initImage.shape;
    if (height === side && width === side) return;
    const message = `initImage has ${width} × ${height} pixels; U-Net 1 makes ${side} × ${side}.`;
    throw new ArgumentError("initImage", message, { code: "argument/mismatch" });
  }
}

/** The batch size that all tensors have; undefined if there are none. Throws `ArgumentError` if they differ. */
function batchOf(tensors: Readonly<Record<string, Tensor | undefined>>): number | undefined {
  const given = Object.entries(tensors).flatMap(([name, tensor]) =>
    tensor ? [[name, tensor.shape[0]!] as const] : [],
  );
  const [first] = given;
  const other = given.find(([, size]) => size !== first![1]);
  if (other) {
    const message = `${other[0]} has a batch size of ${other[1]}, but ${first![0]} has ${first![1]}.`;
    throw new ArgumentError(other[0], message, { code: "argument/mismatch" });
  }
  return first?.[1];
}
