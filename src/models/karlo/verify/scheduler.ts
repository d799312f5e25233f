import * as z from "zod/mini";
import type { Fixture } from "../../../fixture/fixture.js";
import type { Output, Tolerance } from "../../../fixture/result.js";
import type { Runner } from "../../../fixture/runner.js";
import { unclipSchedulerOptions } from "../../diffusers/config/unclip-scheduler-config.js";
import { chainOutputs } from "../../diffusers/verify/scheduler-chain.js";
import { unclipGrid, UnclipSchedule } from "../../diffusers/scheduler/unclip-schedule.js";
import { UnclipScheduler } from "../../diffusers/scheduler/unclip-scheduler.js";

const info = z.looseObject({
  train_timesteps: z.array(z.int()),
  timesteps: z.array(z.int()),
  steps: z.array(z.int()),
  /** Schedulers with a chain of all timesteps. */
  full: z.array(z.string()),
  schedulers: z.record(z.string(), z.record(z.string(), z.unknown())),
});

/** Tables and timesteps are equal, except for the last digit of cos and sqrt. */
const TABLES: Tolerance = { maxRelative: 1e-7 };
const EXACT: Tolerance = { maxRelative: 0 };

/** Of long chains, the fixture has each sample of this number. */
const EVERY = 100;

/** Computes the tables and timesteps of the scheduler, and chains of its steps with a formula as the network. */
export const verifyScheduler: Runner = async (fixture, openArena) => {
  const { schedulers, steps, full } = fixture.info(info);
  const outputs = await tableOutputs(fixture);
  const arena = await openArena();
  for (const [name, config] of Object.entries(schedulers)) {
    const scheduler = new UnclipScheduler(unclipSchedulerOptions(config, `${fixture.folder}/fixture.json`));
    const counts = full.includes(name) ? [...steps, scheduler.options.timesteps] : steps;
    for (const count of counts) {
      const chain = { scheduler, name: `${name}.${count}`, every: EVERY };
      outputs.push(...(await chainOutputs(fixture, arena, chain)));
    }
  }
  return outputs;
};

async function tableOutputs(fixture: Fixture): Promise<Output[]> {
  const { train_timesteps, timesteps } = fixture.info(info);
  const outputs: Output[] = [];
  const compare = async (name: string, actual: ArrayLike<number>, tolerance: Tolerance): Promise<void> => {
    outputs.push({ name, actual, expected: (await fixture.tensor(`out.${name}`)).data, tolerance });
  };
  for (const train of train_timesteps) {
    const { betas, alphasCumprod } = new UnclipSchedule(train).tables;
    await compare(`tables.${train}.betas`, betas, TABLES);
    await compare(`tables.${train}.alphas_cumprod`, alphasCumprod, TABLES);
    for (const count of timesteps.filter((count) => count <= train)) {
      const times = unclipGrid(train, count).map(({ timestep }) => timestep);
      await compare(`timesteps.${train}.${count}`, times, EXACT);
    }
  }
  return outputs;
}
