import * as z from "zod/mini";
import { DiffusersSchedule } from "../../diffusers/scheduler/diffusers-schedule.js";
import { ddpmBetas } from "../../diffusers/scheduler/ddpm-schedule.js";
import { ddpmSchedulerOptions } from "../../diffusers/config/ddpm-scheduler-config.js";
import { pairOutputs, upload } from "../../../fixture/run-model.js";
import { EXACT, type Output } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import { checkNoiseLevel } from "../../per-stage.js";
import { refuses } from "../../diffusers/verify/sample-inputs.js";
import { withComponent } from "../../diffusers/verify/component.js";
import { EmbedNoise } from "../embed-noise.js";
import { LATENT_FORWARD } from "../../diffusers/verify/tolerances.js";

const info = z.looseObject({ levels: z.array(z.int()) });

/** The schedule of the noise of image embeddings in the published models. */
export const NOISING = new DiffusersSchedule(
  ddpmBetas(ddpmSchedulerOptions({ beta_schedule: "squaredcos_cap_v2" }, "image_noising_scheduler")),
);

/** Levels that the reference refuses. */
const REFUSED = [-1, 1000];

/** Adds noise of several levels to image embeddings. */
export const verifyEmbedNoise: Runner = async (fixture, openArena) => {
  const { levels } = fixture.info(info);
  const arena = await openArena();
  const embeds = await fixture.tensor("in.image_embeds");
  const noise = Float32Array.from((await fixture.tensor("in.noise")).data);
  const imageEmbedDim = embeds.shape[1]!;
  return withComponent(
    fixture,
    arena,
    "image_normalizer",
    (weights) => new EmbedNoise(weights, { imageEmbedDim, schedule: NOISING }),
    async (embedNoise) => {
      const outputs: Output[] = [];
      for (const level of levels) {
        const labels = arena.scope(() => embedNoise.classLabels(arena, upload(arena, embeds), noise, level));
        // Computed in f32 in every dtype.
        outputs.push(...(await pairOutputs(fixture, { [`${level}.class_labels`]: labels }, LATENT_FORWARD.f32)));
      }
      const actual = REFUSED.map((level) =>
        refuses(() => {
          checkNoiseLevel([{ info: { noiseLevels: NOISING.timesteps } }], { noiseLevel: level });
        }),
      );
      outputs.push({ name: "refuses levels", actual, expected: REFUSED.map(() => 1), tolerance: EXACT });
      return outputs;
    },
  );
};
