import * as z from "zod/mini";
import { parseConfig } from "../../../config/config-error.js";
import { resolvePriorConfig } from "../options.js";
import { trainPriorConfig } from "../train-config.js";
import { DiffusionPrior } from "../diffusion-prior.js";
import { LOOP } from "../../../fixture/result.js";
import { noiseOf } from "../../../fixture/noise.js";
import { maskRows, upload, withModel } from "../../../fixture/run-model.js";
import type { DialectRunner } from "./reference-dialect.js";

const info = z.looseObject({
  call: z.strictObject({
    cond_scale: z.optional(z.number()),
    num_samples_per_batch: z.optional(z.int().check(z.positive())),
    timesteps: z.optional(z.int().check(z.positive())),
  }),
});

/** Runs the prior's whole sampling loop with the noise of the reference, and the choice among candidates. */
export const verifyPriorSample: DialectRunner = async (fixture, openArena, dialect) => {
  const { call } = fixture.info(info);
  const noise = noiseOf(fixture);
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
      return new DiffusionPrior(weights, resolvePriorConfig(prior), dialect);
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
        steps: call.timesteps,
        noise,
      });
      return [{ name: "image_embed", actual, expected, tolerance: LOOP[arena.dtype] }];
    },
  );
};
