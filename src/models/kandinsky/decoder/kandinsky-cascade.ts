import { isGuided } from "../../../diffusion/guidance.js";
import type { NetworkSettings } from "../../../diffusion/settings.js";
import { affine } from "../../../ops/elementwise.js";
import type { Arena } from "../../../tensor/arena.js";
import { HeldTensors } from "../../../tensor/held-tensors.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { missing } from "../../diffusers/latents/check-tensors.js";
import type { KeptLatents } from "../../diffusers/latents/kept-latents.js";
import { latentPreview } from "../../diffusers/latents/latent-preview.js";
import { UNET_NAME } from "../../diffusers/latents/latents.js";
import type { Cascade, CascadeSampling, ImagePreparation } from "../../interfaces.js";
import { alreadyThere, planStages } from "../../per-stage.js";
import { checkInputs, type DecoderInputs } from "./check-inputs.js";
import { MOVQ_NAME, type DecoderStage } from "./decoder-stage.js";
import { latentMask } from "./kept-latents.js";
import type { LatentSampling } from "./latent-sampler.js";
import { prepareImage, prepareMask } from "./prepare.js";

type Sampling = CascadeSampling<KandinskyCascade>;

/** Channels of an image. */
const CHANNELS = 3;

/**
 * The decoder of Kandinsky 2.2, which turns an image embedding into an image. Its U-Net works on latents; MoVQ makes images of them. Where
 * the reference's masks are white, an image is generated; here masks say what is kept, as for every decoder.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/kandinsky2_2/pipeline_kandinsky2_2.py#L86-L325
 */
export class KandinskyCascade implements Cascade {
  readonly channels = CHANNELS;
  readonly mixesBatch = false;
  readonly byteRounding = "nearest";
  readonly takesNullImage = true;
  readonly preparation: ImagePreparation = { image: prepareImage, mask: prepareMask };
  readonly stages: readonly [DecoderStage];

  constructor(readonly stage: DecoderStage) {
    this.stages = [stage];
  }

  /**
   * Samples images f32 `[B, height, width, 3]` in [0, 1], unclamped. The caller disposes them. Before anything is computed, rejects as
   * `DecoderStage.check` throws, and with `ArgumentError` for inputs that are missing or do not fit.
   */
  async sample(arena: Arena, sampling: Sampling): Promise<Tensor> {
    using latents = await this.sampleLatents(arena, sampling);
    const { use = alreadyThere(this, arena), signal } = sampling;
    signal?.throwIfAborted();
    using images = await use(MOVQ_NAME, (cascade, own) => cascade.stage.codec.decode(own, latents));
    return arena.scope(() => affine(arena.share(images), 0.5, 0.5));
  }

  /** The latents of the images, f32 `[B, h, w, 4]`. The caller disposes them. Rejects as `sample`. */
  async sampleLatents(arena: Arena, sampling: Sampling): Promise<Tensor> {
    const { settings, inputs } = this.#check(arena, sampling);
    const { use = alreadyThere(this, arena), signal, noise } = sampling;
    using held = new HeldTensors(arena);
    const image = inputs.initImage ?? inputs.inpaintImage;
    using encoded = image && (await use(MOVQ_NAME, (cascade, own) => cascade.stage.codec.encodeUnit(own, image)));
    signal?.throwIfAborted();
    const preview = await latentPreview(arena, sampling.preview, () =>
      use(MOVQ_NAME, (cascade, own) => cascade.stage.codec.colours(own)),
    );
    const run = { ...settings, ...this.#latentInputs(held, arena, inputs, encoded), preview };
    const rewind = noise.mark?.();
    return await use(UNET_NAME, (cascade, own) => {
      // A body that runs again, in f32, gets the same noise.
      rewind?.();
      return cascade.stage.sampleLatents(own, { ...run, ...this.#callbacks(sampling) });
    });
  }

  #callbacks({ noise, signal, onProgress }: Sampling): Pick<LatentSampling, "noise" | "signal" | "onStep"> {
    return { noise, signal, onStep: (step, steps) => onProgress?.({ unetNumber: 1, step, steps }) };
  }

  /** What the U-Net reads: `encoded` are the latents of the image to start from, or to inpaint. */
  #latentInputs(
    held: HeldTensors,
    arena: Arena,
    { imageEmbed, negativeEmbed, initImage, inpaintMask, strength, hint, size }: DecoderInputs,
    encoded: Tensor | undefined,
  ): Omit<LatentSampling, "noise" | keyof NetworkSettings> {
    const shared = { imageEmbed, negativeEmbed, hint, size };
    if (!encoded) return shared;
    if (initImage) return { ...shared, start: { latents: encoded, strength } };
    const kept: KeptLatents = {
      latents: encoded,
      mask: held.hold(() => latentMask(arena.share(inpaintMask!), size)),
    };
    return { ...shared, kept };
  }

  /** Throws if the arguments do not fit the decoder or each other. */
  #check(arena: Arena, sampling: Sampling): { readonly settings: NetworkSettings; readonly inputs: DecoderInputs } {
    const {
      batchSize = 1,
      imageEmbed = missing("imageEmbed", "This decoder needs image embeddings: pass imageEmbed."),
    } = sampling;
    const batch = imageEmbed.shape[0] ?? batchSize;
    const inpaints = sampling.inpaintImage !== undefined;
    const [planned] = planStages(this.stages, sampling, { batch, inpaints });
    const { settings } = planned!;
    const inputs = checkInputs(this.stage, { ...sampling, imageEmbed });
    if (!isGuided(settings)) return { settings, inputs };
    // A dry run has no embedding that the call is guided away from.
    const negativeEmbed = inputs.negativeEmbed ?? (arena.stream.isDryRun ? imageEmbed : undefined);
    return { settings, inputs: { ...inputs, negativeEmbed: negativeEmbed ?? missing("negative", NO_NEGATIVE) } };
  }
}

const NO_NEGATIVE =
  "Guidance of this decoder needs an image embedding to guide away from: pass negative.imageEmbed, that of no image.";
