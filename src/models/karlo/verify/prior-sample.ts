import type { Output } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import { scalesOf } from "../../../fixture/unclip-call.js";
import type { Arena } from "../../../tensor/arena.js";
import { priorOptions } from "../../diffusers/config/prior-config.js";
import { UnclipPrior } from "../../diffusers/prior/unclip-prior.js";
import { PRIOR_DEFAULTS } from "../defaults.js";
import { withComponent } from "../../diffusers/verify/component.js";
import { refusals, schedulerOf, uploadText } from "../../diffusers/verify/sample-inputs.js";
import { noiseOfCall, sampleCalls, textsOf } from "./sample-calls.js";
import { PRIOR_LOOP } from "../../diffusers/verify/tolerances.js";

/** Runs the prior's sampling loop with the noise of the reference. */
export const verifyPriorSample: Runner = async (fixture, openArena) => {
  const scheduler = await schedulerOf(fixture, "prior_scheduler");
  const { text, negative } = await textsOf(fixture);
  const texts = text.embed.shape[0]!;
  const arena: Arena = await openArena();
  return withComponent(
    fixture,
    arena,
    "prior",
    (weights, { value, file }) =>
      new UnclipPrior(weights, { network: priorOptions(value, file), scheduler, defaults: PRIOR_DEFAULTS }),
    async (prior) => {
      const outputs: Output[] = refusals(fixture, (steps) => {
        prior.check({ steps });
      });
      for (const call of sampleCalls(fixture)) {
        const { name, num_images_per_prompt: images, prior_num_inference_steps: steps } = call;
        const own = uploadText(arena, text, images);
        const other = uploadText(arena, negative, images * texts);
        const noise = await noiseOfCall(fixture, call, "prior");
        const sampling = { ...own, negative: other, steps, condScale: scalesOf(call).prior, noise };
        const actual = await prior.sample(arena, sampling);
        for (const { textEmbed, textEncodings } of [own, other]) {
          textEmbed.dispose();
          textEncodings.dispose();
        }
        const { data: expected } = await fixture.tensor(`out.${name}.image_embeddings`);
        outputs.push({ name: `${name}.image_embeddings`, actual, expected, tolerance: PRIOR_LOOP[arena.dtype] });
      }
      return outputs;
    },
  );
};
