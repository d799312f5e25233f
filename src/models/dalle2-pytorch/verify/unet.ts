import * as z from "zod/mini";
import { resolveUnetConfig } from "../options.js";
import { unetConfig } from "../train-config.js";
import { Unet } from "../unet/unet.js";
import { StepInputs } from "../../../ops/step-inputs.js";
import type { Arena } from "../../../tensor/arena.js";
import type { Tensor } from "../../../tensor/tensor.js";
import type { HostTensor } from "../../../tensor/host-tensor.js";
import { FORWARD } from "../../../fixture/result.js";
import { maskRows, pairOutputs, upload, withModel } from "../../../fixture/run-model.js";
import type { DialectRunner } from "./reference-dialect.js";

const info = z.looseObject({ unet: unetConfig });

/** Runs one forward pass of a U-Net, and one with guidance. */
export const verifyUnet: DialectRunner = async (fixture, openArena, dialect) => {
  const options = resolveUnetConfig(fixture.info(info).unet);
  const inputs = {
    x: await fixture.tensor("in.x"),
    times: await fixture.tensor("in.time"),
    imageEmbed: await fixture.tensorIfAny("in.image_embed"),
    textEncodings: await fixture.tensorIfAny("in.text_encodings"),
    mask: await fixture.tensorIfAny("in.mask"),
    lowresCondImg: await fixture.tensorIfAny("in.lowres_cond_img"),
    lowresNoiseLevel: await fixture.tensorIfAny("in.lowres_noise_level"),
    selfCond: await fixture.tensorIfAny("in.self_cond"),
  };
  const arena = await openArena();
  return withModel(
    fixture,
    arena,
    (weights) => new Unet(weights, options, dialect.network),
    (unet) => {
      const outputs = arena.scope(() => {
        const x = uploadImage(arena, inputs.x);
        using steps = new StepInputs(arena, 1);
        const batch = x.shape[0]!;
        const times = [[...inputs.times.data]];
        const condition = {
          imageEmbed: upload(arena, inputs.imageEmbed),
          textEncodings: upload(arena, inputs.textEncodings),
          textMask: inputs.mask && maskRows(inputs.mask),
          lowresCondImg: inputs.lowresCondImg && uploadImage(arena, inputs.lowresCondImg),
          lowresNoiseLevel: inputs.lowresNoiseLevel && [...inputs.lowresNoiseLevel.data],
        };
        const selfCond = inputs.selfCond && uploadImage(arena, inputs.selfCond);
        const predict = (scale: number): Tensor =>
          unet.forward(x, unet.prepare(steps, { batch, times, condition }, scale), selfCond);
        return { pred: predict(1), pred_cond_scale_3: predict(3) };
      });
      return pairOutputs(fixture, outputs, FORWARD[arena.dtype]);
    },
  );
};

function uploadImage(arena: Arena, { data, shape }: HostTensor): Tensor {
  return arena.fromNchw(data, shape as [number, number, number, number], "f32");
}
