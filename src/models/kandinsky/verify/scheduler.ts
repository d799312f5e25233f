import * as z from "zod/mini";
import { startFromImage } from "../../../diffusion/init-image.js";
import type { NoiseSchedule } from "../../../diffusion/schedule.js";
import type { Fixture } from "../../../fixture/fixture.js";
import { pairOutputs } from "../../../fixture/run-model.js";
import { EXACT, type Output, type Tolerance } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import type { Arena } from "../../../tensor/arena.js";
import { ddpmSchedulerOptions } from "../../diffusers/config/ddpm-scheduler-config.js";
import { ddpmGrid } from "../../diffusers/scheduler/ddpm-schedule.js";
import { DdpmScheduler } from "../../diffusers/scheduler/ddpm-scheduler.js";
import { UnclipSchedule } from "../../diffusers/scheduler/unclip-schedule.js";
import { chainOutputs } from "../../diffusers/verify/scheduler-chain.js";
import { refusals } from "../../diffusers/verify/sample-inputs.js";

const info = z.looseObject({
  add_noise: z.array(z.int()),
  timesteps: z.array(z.int()),
  steps: z.array(z.int()),
  /** Schedulers with a chain of nearly all timesteps. */
  full: z.array(z.string()),
  schedulers: z.record(z.string(), z.record(z.string(), z.unknown())),
});

/** Timesteps of the prior in training. */
const PRIOR_TIMESTEPS = 1000;

/** The steps of a long chain, and which of its samples the fixture has. */
const FULL = 999;
const EVERY = 111;

/** A sum of two products. */
const NOISED: Tolerance = { maxRelative: 1e-6 };

/** The last digit of torch's linspace differs among machines, and ᾱ is a product of up to 1000 such numbers. */
const TABLES: Tolerance = { maxRelative: 1e-6 };

/** Computes tables, timesteps and chains of the decoder's scheduler, and noised samples as runs have that start from one. */
export const verifyScheduler: Runner = async (fixture, openArena) => {
  const { schedulers, steps, full } = fixture.info(info);
  const arena = await openArena();
  const outputs = [...(await noisedSamples(fixture, arena, "prior", new UnclipSchedule(PRIOR_TIMESTEPS)))];
  for (const [name, config] of Object.entries(schedulers)) {
    const scheduler = new DdpmScheduler(ddpmSchedulerOptions(config, `${fixture.folder}/fixture.json`));
    outputs.push(...(await tableOutputs(fixture, name, scheduler)));
    for (const count of full.includes(name) ? [...steps, FULL] : steps) {
      outputs.push(...(await chainOutputs(fixture, arena, { scheduler, name: `${name}.${count}`, every: EVERY })));
    }
    if (name !== "decoder") continue;
    outputs.push(...(await noisedSamples(fixture, arena, name, scheduler.process.schedule)));
    outputs.push(...refusals(fixture, (count) => scheduler.sampler(undefined, count, name), /^set_timesteps\((\d+)\)/));
  }
  return outputs;
};

async function tableOutputs(fixture: Fixture, name: string, { process, options }: DdpmScheduler): Promise<Output[]> {
  const outputs: Output[] = [];
  const compare = async (output: string, actual: ArrayLike<number>, tolerance: Tolerance): Promise<void> => {
    const expected = await fixture.tensorIfAny(`out.${output}`);
    if (expected) outputs.push({ name: output, actual, expected: expected.data, tolerance });
  };
  const { betas, alphasCumprod } = process.schedule.tables;
  await compare(`tables.${name}.betas`, betas, TABLES);
  await compare(`tables.${name}.alphas_cumprod`, alphasCumprod, TABLES);
  for (const count of fixture.info(info).timesteps) {
    const times = ddpmGrid(options, count).map(({ timestep }) => timestep);
    await compare(`timesteps.${name}.${count}`, times, EXACT);
  }
  return outputs;
}

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
