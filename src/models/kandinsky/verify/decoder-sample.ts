import * as z from "zod/mini";
import type { Fixture } from "../../../fixture/fixture.js";
import type { Output } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import type { Arena } from "../../../tensor/arena.js";
import { ddpmSchedulerOptions } from "../../diffusers/config/ddpm-scheduler-config.js";
import { DdpmScheduler } from "../../diffusers/scheduler/ddpm-scheduler.js";
import { withComponent } from "../../diffusers/verify/component.js";
import { recordedNoise, repeated } from "../../diffusers/verify/sample-inputs.js";
import { kandinskyUnetOptions } from "../config/unet-config.js";
import { LatentSampler } from "../decoder/latent-sampler.js";
import { generatedLatents } from "../decoder/sizes.js";
import { LOOP } from "../../diffusers/verify/tolerances.js";

const call = z.looseObject({
  image_embeds: z.string(),
  negative_image_embeds: z.string(),
  height: z.int(),
  width: z.int(),
  num_inference_steps: z.int(),
  guidance_scale: z._default(z.number(), 4),
  num_images_per_prompt: z._default(z.int().check(z.positive()), 1),
});
type Call = z.output<typeof call>;

const info = z.looseObject({
  calls: z.record(z.string(), call),
  schedulers: z.record(z.string(), z.record(z.string(), z.unknown())),
  scheduler_of: z.record(z.string(), z.string()),
  movq_levels: z.array(z.unknown()),
});

/** Runs the decoder's sampling loop with the noise of the reference. */
export const verifyDecoderSample: Runner = async (fixture, openArena) => {
  const { calls, schedulers, scheduler_of: schedulerOf } = fixture.info(info);
  const arena = await openArena();
  const outputs: Output[] = [];
  for (const [scheduler, config] of Object.entries(schedulers)) {
    const options = ddpmSchedulerOptions(config, `${fixture.folder}/fixture.json`);
    const own = Object.entries(calls).filter(([name]) => schedulerOf[name] === scheduler);
    const run = async (sampler: LatentSampler): Promise<void> => {
      for (const [name, one] of own) outputs.push(await latentsOf(fixture, arena, sampler, name, one));
    };
    await withComponent(
      fixture,
      arena,
      "unet",
      (weights, { value, file }) =>
        new LatentSampler(weights, { unet: kandinskyUnetOptions(value, file), scheduler: new DdpmScheduler(options) }),
      run,
    );
  }
  return outputs;
};

async function latentsOf(
  fixture: Fixture,
  arena: Arena,
  sampler: LatentSampler,
  name: string,
  { height, width, num_inference_steps: steps, num_images_per_prompt: images, ...given }: Call,
): Promise<Output> {
  const scale = 2 ** (fixture.info(info).movq_levels.length - 1);
  const upload = async (tensor: string) => {
    const { shape, data } = repeated(await fixture.tensor(tensor), images);
    return arena.from(data, shape, "f32");
  };
  using imageEmbed = await upload(given.image_embeds);
  using negativeEmbed = await upload(given.negative_image_embeds);
  using latents = await sampler.sample(arena, {
    size: generatedLatents([height, width], scale),
    imageEmbed,
    negativeEmbed,
    steps,
    // The reference guides by scales above 1 alone.
    condScale: Math.max(1, given.guidance_scale),
    noise: await recordedNoise(fixture, name),
  });
  const { data: expected } = await fixture.tensor(`out.${name}.latents`);
  return { name: `${name}.latents`, actual: await arena.readNchw(latents), expected, tolerance: LOOP[arena.dtype] };
}
