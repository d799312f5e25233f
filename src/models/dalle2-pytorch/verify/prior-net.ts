import * as z from "zod/mini";
import { resolvePriorNetConfig } from "../options.js";
import { priorNetConfig } from "../train-config.js";
import { PriorNetwork } from "../prior/prior-network.js";
import { StepInputs } from "../../../ops/step-inputs.js";
import type { Tensor } from "../../../tensor/tensor.js";
import { FORWARD } from "../../../fixture/result.js";
import { maskRows, pairOutputs, upload, withModel } from "../../../fixture/run-model.js";
import type { DialectRunner } from "./reference-dialect.js";

const info = z.looseObject({ net: priorNetConfig });

/** Runs one forward pass of the prior's network, and one with guidance. */
export const verifyPriorNet: DialectRunner = async (fixture, openArena, dialect) => {
  const options = resolvePriorNetConfig(fixture.info(info).net);
  const inputs = {
    imageEmbed: await fixture.tensor("in.image_embed"),
    timesteps: await fixture.tensor("in.timesteps"),
    textEmbed: await fixture.tensor("in.text_embed"),
    textEncodings: await fixture.tensorIfAny("in.text_encodings"),
    mask: await fixture.tensorIfAny("in.mask"),
    selfCond: await fixture.tensorIfAny("in.self_cond"),
  };
  const arena = await openArena();
  return withModel(
    fixture,
    arena,
    (weights) => new PriorNetwork(weights, options, dialect.network),
    (network) => {
      const outputs = arena.scope(() => {
        const imageEmbed = upload(arena, inputs.imageEmbed);
        using steps = new StepInputs(arena, 1);
        const batch = imageEmbed.shape[0]!;
        const times = [[...inputs.timesteps.data]];
        const condition = {
          textEmbed: upload(arena, inputs.textEmbed),
          textEncodings: upload(arena, inputs.textEncodings),
          textMask: inputs.mask && maskRows(inputs.mask),
        };
        const selfCond = upload(arena, inputs.selfCond);
        const predict = (scale: number): Tensor =>
          network.forward(imageEmbed, network.prepare(steps, { batch, times, condition }, scale), selfCond);
        return { pred: predict(1), pred_cond_scale_2: predict(2) };
      });
      return pairOutputs(fixture, outputs, FORWARD[arena.dtype]);
    },
  );
};
