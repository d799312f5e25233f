import * as z from "zod/mini";
import { startFromImage } from "../../../diffusion/init-image.js";
import type { NoiseSchedule } from "../../../diffusion/schedule.js";
import type { Fixture } from "../../../fixture/fixture.js";
import { pairOutputs } from "../../../fixture/run-model.js";
import type { Output, Tolerance } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import type { Arena } from "../../../tensor/arena.js";
import { UnclipSchedule } from "../../diffusers/scheduler/unclip-schedule.js";

const info = z.looseObject({ add_noise: z.array(z.int()) });

/** Timesteps of the prior in training. */
const PRIOR_TIMESTEPS = 1000;

/** A sum of two products. */
const NOISED: Tolerance = { maxRelative: 1e-6 };

/** Adds noise to a sample as runs do that start from one. */
export const verifyScheduler: Runner = async (fixture, openArena) => {
  const arena = await openArena();
  return noisedSamples(fixture, arena, "prior", new UnclipSchedule(PRIOR_TIMESTEPS));
};

/** `add_noise.NAME.T` for each timestep T. */
async function noisedSamples(
  fixture: Fixture,
  arena: Arena,
  name: string,
  schedule: NoiseSchedule,
): Promise<readonly Output[]> {
  const upload = async (tensor: string) => {
    const { shape, data } = await fixture.tensor(tensor);
    return arena.fromNchw(data, shape as [number, number, number, number], "f32");
  };
  using sample = await upload("in.sample");
  using noise = await upload("in.noise");
  const named = arena.scope(() =>
    Object.fromEntries(
      fixture
        .info(info)
        .add_noise.map((timestep) => [
          `add_noise.${name}.${timestep}`,
          startFromImage(sample, schedule, timestep)(noise),
        ]),
    ),
  );
  return await pairOutputs(fixture, named, NOISED);
}
