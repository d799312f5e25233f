import { isGuided } from "../../../diffusion/guidance.js";
import type { NetworkSettings } from "../../../diffusion/settings.js";
import { affine } from "../../../ops/elementwise.js";
import type { Arena } from "../../../tensor/arena.js";
import { HeldTensors } from "../../../tensor/held-tensors.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { DECODER_TEXT_ENCODER } from "../../component.js";
import { missing } from "../../diffusers/latents/check-tensors.js";
import { nearestMask } from "../../diffusers/latents/kept-latents.js";
import { latentPreview } from "../../diffusers/latents/latent-preview.js";
import { UNET_NAME } from "../../diffusers/latents/latents.js";
import { NULL_TEXT } from "../../diffusers/null-text.js";
import type { Cascade, CascadeSampling, CascadeTextEncoder, TextEncoder } from "../../interfaces.js";
import { alreadyThere, planStages } from "../../per-stage.js";
import { checkInputs, type DecoderInputs } from "./check-inputs.js";
import { VAE_NAME, type DecoderStage, type LatentSampling } from "./decoder-stage.js";

type Sampling = CascadeSampling<StableUnclipCascade>;

/**
 * The decoder of Stable unCLIP, which turns an image embedding and a text into an image. It adds noise to the embedding, of level 0 if a
 * call asks for none; the null half of guidance has the empty or the negative text and no embedding. Its U-Net works on latents.
 * Initial images and inpainting are not in the reference: they work as those of Stable Diffusion do.
 * @see https://github.com/huggingface/diffusers/blob/ad3a3afc3a4d3068bbb12f58129c855087ffc6d6/src/diffusers/pipelines/stable_diffusion/pipeline_stable_unclip_img2img.py#L622-L847
 */
export class StableUnclipCascade implements Cascade {
  readonly channels = 3;
  readonly mixesBatch = false;
  readonly byteRounding = "nearest";
  readonly nullText = NULL_TEXT;
  readonly textEncoder: CascadeTextEncoder;
  readonly stages: readonly [DecoderStage];

  constructor(
    readonly stage: DecoderStage,
    textEncoder: TextEncoder,
  ) {
    this.stages = [stage];
    this.textEncoder = { component: DECODER_TEXT_ENCODER, encoder: textEncoder };
  }

  /**
   * Samples images f32 `[B, height, width, 3]` in [0, 1], unclamped. The caller disposes them. Before anything is computed, rejects as
   * `DecoderStage.check` throws, and with `ArgumentError` for inputs that are missing or do not fit.
   */
  async sample(arena: Arena, sampling: Sampling): Promise<Tensor> {
    using latents = await this.sampleLatents(arena, sampling);
    const { use = alreadyThere(this, arena), signal } = sampling;
    signal?.throwIfAborted();
    using images = await use(VAE_NAME, (cascade, own) => cascade.stage.codec.decode(own, latents));
    return arena.scope(() => affine(arena.share(images), 0.5, 0.5));
  }

  /** The latents of the images, f32 `[B, h, w, 4]`. The caller disposes them. Rejects as `sample`. */
  async sampleLatents(arena: Arena, sampling: Sampling): Promise<Tensor> {
    const { settings, inputs } = this.#check(sampling);
    const { use = alreadyThere(this, arena), signal, noise, onProgress } = sampling;
    using held = new HeldTensors(arena);
    const image = inputs.initImage ?? inputs.inpaintImage;
    using encoded = image && (await use(VAE_NAME, (cascade, own) => cascade.stage.codec.encodeUnit(own, image)));
    signal?.throwIfAborted();
    const preview = await latentPreview(arena, sampling.preview, () =>
      use(VAE_NAME, (cascade, own) => cascade.stage.codec.colours(own)),
    );
    const start = startOf(held, arena, inputs, encoded);
    const { imageEmbed, context, negativeContext, size } = inputs;
    // The noise on the embeddings is drawn before that of the latents.
    using classLabels = this.stage.classLabels(arena, imageEmbed, noise, sampling.noiseLevel ?? 0);
    const run = { ...settings, ...start, size, classLabels, context, negativeContext, preview, noise, signal };
    const onStep = (step: number, steps: number): void => onProgress?.({ unetNumber: 1, step, steps });
    const rewind = noise.mark?.();
    return await use(UNET_NAME, (cascade, own) => {
      // A body that runs again, in f32, gets the same noise.
      rewind?.();
      return cascade.stage.sampleLatents(own, { ...run, onStep });
    });
  }

  /** Throws if the arguments do not fit the decoder or each other. */
  #check(sampling: Sampling): { readonly settings: NetworkSettings; readonly inputs: DecoderInputs } {
    const {
      batchSize = 1,
      imageEmbed = missing("imageEmbed", "This decoder needs image embeddings: pass imageEmbed."),
    } = sampling;
    const batch = imageEmbed.shape[0] ?? batchSize;
    const inpaints = sampling.inpaintImage !== undefined;
    const [planned] = planStages(this.stages, sampling, { batch, inpaints });
    const { settings } = planned!;
    return { settings, inputs: checkInputs(this.stage, { ...sampling, imageEmbed }, isGuided(settings)) };
  }
}

/** What a run starts from and keeps: `encoded` are the latents of the image to start from, or to inpaint. */
function startOf(
  held: HeldTensors,
  arena: Arena,
  { initImage, inpaintMask, strength, size }: DecoderInputs,
  encoded: Tensor | undefined,
): Pick<LatentSampling, "start" | "imposed"> {
  if (!encoded) return {};
  if (initImage) return { start: { latents: encoded, strength } };
  return { imposed: { latents: encoded, mask: held.hold(() => nearestMask(arena.share(inpaintMask!), size)) } };
}
