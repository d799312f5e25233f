import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { resolveDecoderConfig } from "../options.js";
import { trainDecoderConfig } from "../train-config.js";
import { takesText } from "../../interfaces.js";
import { Decoder, type DecoderSampling } from "../decoder.js";
import { NotFiniteError } from "../../../diffusion/sampling-error.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { Fixture } from "../../../fixture/fixture.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import { EXACT, LOOP, type Output } from "../../../fixture/result.js";
import { noiseOf } from "../../../fixture/noise.js";
import { maskRows, pairOutputs, upload, withModel } from "../../../fixture/run-model.js";
import type { DialectRunner } from "./reference-dialect.js";

const info = z.looseObject({
  call: z.strictObject({
    cond_scale: z.optional(z.union([z.number(), z.array(z.number())])),
    start_at_unet_number: z.optional(z.int().check(z.positive())),
    stop_at_unet_number: z.optional(z.int().check(z.positive())),
    inpaint_resample_times: z.optional(z.int().check(z.positive())),
  }),
});

/** Runs the decoder's whole cascade with the noise of the reference. */
export const verifyDecoderSample: DialectRunner = async (fixture, openArena, dialect) => {
  const { call } = fixture.info(info);
  const noise = noiseOf(fixture);
  const inputs = {
    imageEmbed: await fixture.tensorIfAny("in.image_embed"),
    textEncodings: await fixture.tensorIfAny("in.text_encodings"),
    mask: await fixture.tensorIfAny("in.mask"),
    image: await fixture.tensorIfAny("in.image"),
    inpaintImage: await fixture.tensorIfAny("in.inpaint_image"),
    inpaintMask: await fixture.tensorIfAny("in.inpaint_mask"),
  };
  const { shape: expected } = await fixture.tensor("out.images");
  const configBeside = await fixture.config();
  const arena = await openArena();
  return withModel(
    fixture,
    arena,
    (weights, { name, config }) => {
      const { decoder } = parseConfig(trainDecoderConfig, configBeside ?? config, name);
      return new Decoder(Decoder.declare(weights, resolveDecoderConfig(decoder), dialect));
    },
    async (decoder) => {
      using imageEmbed = upload(arena, inputs.imageEmbed);
      using textEncodings = upload(arena, inputs.textEncodings);
      using image = uploadImage(arena, inputs.image);
      using inpaintImage = uploadImage(arena, inputs.inpaintImage);
      using inpaintMask = uploadMask(arena, inputs.inpaintMask);
      const sampling: DecoderSampling = {
        imageEmbed,
        // Versions before 0.12.2 had an option, separate from the U-Nets, for text.
        textEncodings: takesText(decoder) ? textEncodings : undefined,
        textMask: inputs.mask && maskRows(inputs.mask),
        image,
        inpaintImage,
        inpaintMask,
        condScale: call.cond_scale,
        startAtUnetNumber: call.start_at_unet_number,
        stopAtUnetNumber: call.stop_at_unet_number,
        inpaintResampleTimes: call.inpaint_resample_times,
        // If no input has the batch size.
        batchSize: expected[0],
        noise,
      };
      try {
        return await pairOutputs(fixture, { images: await decoder.sample(arena, sampling) }, LOOP[arena.dtype]);
      } catch (error) {
        if (error instanceof NotFiniteError) return [await refusal(fixture)];
        throw error;
      }
    },
  );
};

/**
 * This library refuses to sample where the reference computes only NaN. That agrees with such an output, and with no other.
 */
async function refusal(fixture: Fixture): Promise<Output> {
  const { data: expected } = await fixture.tensor("out.images");
  return { name: "images", actual: expected.map(() => NaN), expected, tolerance: EXACT };
}

function uploadImage(arena: Arena, tensor: HostTensor | undefined): Tensor | undefined {
  return tensor && arena.fromNchw(tensor.data, tensor.shape as [number, number, number, number], "f32");
}

/** `[B, H, W]` as `[B, H, W, 1]`. */
function uploadMask(arena: Arena, tensor: HostTensor | undefined): Tensor | undefined {
  return tensor && arena.from(tensor.data, [...tensor.shape, 1], "f32");
}
