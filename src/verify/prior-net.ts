import { z } from "zod";
import { resolvePriorNetConfig } from "../models/dalle2-pytorch/options.js";
import { priorNetConfig } from "../models/dalle2-pytorch/train-config.js";
import { PriorNetwork } from "../models/dalle2-pytorch/prior/prior-network.js";
import type { Runner } from "./runner.js";
import { FORWARD } from "./result.js";
import { maskRows, pairOutputs, upload, withModel } from "./run-model.js";

const info = z.looseObject({ net: priorNetConfig });

/** One forward pass of the prior's network, and one with guidance. */
export const verifyPriorNet: Runner = async (fixture, openArena) => {
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
  const { network: dialect } = fixture.dialect;
  return withModel(
    fixture,
    arena,
    (weights) => new PriorNetwork(weights, options, dialect),
    (network) => {
      const outputs = arena.scope(() => {
        const imageEmbed = upload(arena, inputs.imageEmbed);
        const timesteps = [...inputs.timesteps.data];
        const condition = {
          textEmbed: upload(arena, inputs.textEmbed),
          textEncodings: upload(arena, inputs.textEncodings),
          textMask: inputs.mask && maskRows(inputs.mask),
          selfCond: upload(arena, inputs.selfCond),
        };
        return {
          pred: network.forward(imageEmbed, timesteps, condition),
          pred_cond_scale_2: network.forwardWithCondScale(imageEmbed, timesteps, condition, 2),
        };
      });
      return pairOutputs(fixture, outputs, FORWARD[arena.dtype]);
    },
  );
};
