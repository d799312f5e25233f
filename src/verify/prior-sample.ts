import { z } from "zod";
import { parseConfig } from "../config/config-error.js";
import { resolvePriorConfig } from "../models/dalle2-pytorch/options.js";
import { trainPriorConfig } from "../models/dalle2-pytorch/train-config.js";
import { Generator } from "../diffusion/generator.js";
import { DiffusionPrior } from "../models/dalle2-pytorch/diffusion-prior.js";
import type { Runner } from "./runner.js";
import { LOOP } from "./result.js";
import { maskRows, upload, withModel } from "./run-model.js";

const info = z.looseObject({
  torch_seed: z.int(),
  call: z.strictObject({
    cond_scale: z.number().optional(),
    num_samples_per_batch: z.int().positive().optional(),
    timesteps: z.int().positive().optional(),
  }),
});

/** The prior's whole sampling loop, its noise drawn from the seed, and the choice among candidates. */
export const verifyPriorSample: Runner = async (fixture, openArena) => {
  const { torch_seed: seed, call } = fixture.info(info);
  const inputs = {
    textEmbed: await fixture.tensor("in.text_embed"),
    textEncodings: await fixture.tensorIfAny("in.text_encodings"),
    mask: await fixture.tensorIfAny("in.mask"),
  };
  const { data: expected } = await fixture.tensor("out.image_embed");
  const configBeside = await fixture.config();
  const arena = await openArena();
  return withModel(
    fixture,
    arena,
    (weights, { name, config }) => {
      const { prior } = parseConfig(trainPriorConfig, configBeside ?? config, name);
      return new DiffusionPrior(weights, resolvePriorConfig(prior), fixture.dialect);
    },
    async (prior) => {
      using textEmbed = upload(arena, inputs.textEmbed);
      using textEncodings = upload(arena, inputs.textEncodings);
      const actual = await prior.sample(arena, {
        textEmbed,
        textEncodings,
        textMask: inputs.mask && maskRows(inputs.mask),
        condScale: call.cond_scale,
        numSamplesPerBatch: call.num_samples_per_batch,
        timesteps: call.timesteps,
        noise: new Generator(seed),
      });
      return [{ name: "image_embed", actual, expected, tolerance: LOOP[arena.dtype] }];
    },
  );
};
